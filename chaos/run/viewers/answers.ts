import type { LiveClient, RoomEvent } from '../../../client/index.ts';
import { LiveError } from '../../../client/index.ts';
import type { Clock } from '../../../common/clock.ts';
import { messageId } from '../../../protos/vocabulary.ts';
import { seqOf } from '../../oracle/history.ts';
import { until } from '../until.ts';
import type { Answer } from './protocol.ts';

/** By whom answers are, so that nobody answers them. */
const SENDER = 'bot';

/** How long a publish is tried, in milliseconds: the application handles nothing else meanwhile, so less than it may take to recover. */
const TIMEOUT_MS = 2_500;

/** A publish has an outcome when its time is up; so long after that, in milliseconds, it has none for another reason than a busy machine. */
const STALLED_MS = 30_000;

/** What answers depend on. */
export interface AnswersDependencies {
  readonly viewer: string;
  readonly client: Pick<LiveClient, 'publish'>;
  /** The viewer's own: it stands still with the application. */
  readonly clock: Clock;
  /** Told when a publish rejects with something that no client may reject with, or has no outcome. */
  readonly onFailure: (error: unknown) => void;
}

/** Publishes answers to messages from within a viewer's loop over events, and records what became of them. */
export class Answers {
  readonly #dependencies: AnswersDependencies;
  /** Answered is one in so many messages; undefined: none. */
  #oneIn: number | undefined;
  #publishingPaused = false;
  #seen = 0;
  #published = 0;
  #underWay = 0;
  #outcomes: Answer[] = [];

  constructor(dependencies: AnswersDependencies) {
    this.#dependencies = dependencies;
  }

  /** From now on one in so many messages is answered, until the returned function is called. */
  begin(oneIn: number): () => void {
    this.#oneIn = oneIn;
    return () => (this.#oneIn = undefined);
  }

  /** Resolves when nothing is being published; nothing is until `resumePublishing`. */
  async pausePublishing(): Promise<void> {
    this.#publishingPaused = true;
    await until(this.#dependencies.clock, () => this.#underWay === 0);
  }

  /** Ends a pause. */
  resumePublishing(): void {
    this.#publishingPaused = false;
  }

  /** To be awaited after each event: resolves when the answer to it has an outcome, at once if it gets none. */
  async answer(event: RoomEvent): Promise<void> {
    if (this.#publishingPaused || this.#oneIn === undefined) return;
    if (event.kind !== 'message' || event.message.sender === SENDER) return;
    if (this.#seen++ % this.#oneIn !== 0) return;
    await this.#publish(event.room);
  }

  /** What became of answers since the last call, in milliseconds of a clock that began at `originMs`. */
  take(originMs: number): Answer[] {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    return outcomes.map(({ fromMs, toMs, ...rest }) => {
      return { ...rest, fromMs: fromMs - originMs, toMs: toMs - originMs };
    });
  }

  async #publish(room: string): Promise<void> {
    const { viewer, client, clock, onFailure } = this.#dependencies;
    const key = `${viewer}-${this.#published++}`;
    const message = { type: 'gift', sender: SENDER, key, payload: Buffer.from(key) };
    const fromMs = clock.wallMs();
    const record = (became: Answer['became'], seq = 0): void => {
      const id = messageId(room, SENDER, key);
      this.#outcomes.push({ room, id, seq, became, fromMs, toMs: clock.wallMs() });
    };
    const overdue = clock.after(TIMEOUT_MS + STALLED_MS, () =>
      onFailure(
        new Error(`a publish from within the loop has no outcome after ${TIMEOUT_MS + STALLED_MS} ms`),
      ),
    );
    this.#underWay += 1;
    try {
      const { seq } = await client.publish(room, message, { timeoutMs: TIMEOUT_MS });
      record('stored', seqOf(seq));
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      record(error.reason === 'PUBLISH_OUTCOME_UNKNOWN' ? 'unknown' : 'refused');
    } finally {
      overdue.cancel();
      this.#underWay -= 1;
    }
  }
}
