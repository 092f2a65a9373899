import type { StreamInfo } from 'nats';
import type { Logger } from '../../observability/logging.ts';
import { epochOf } from './stream-state.ts';

/** What is asked of the leader of a stream, be it the mirror or its origin. */
export interface AskedStream {
  readonly stream: string;
  /** What the subjects of its JetStream API begin with. */
  readonly api: string;
  info(): Promise<StreamInfo>;
  timeOf(seq: number): Promise<string | undefined>;
}

/** The mirror and its origin hold different messages at one sequence: a cursor of the one means nothing to the other. */
export class MirrorDivergedError extends Error {
  override readonly name = 'MirrorDivergedError';

  constructor(mirror: string, origin: string) {
    super(
      `the stream ${mirror} is no longer a mirror of ${origin}, which was created again or restored: delete ${mirror}, and create it again as its mirror`,
    );
  }
}

/** The origin of a mirror, as it was when it was last asked: a mirror is there for the times when it cannot be. */
export class MirrorOrigin {
  readonly #origin: AskedStream;
  readonly #mirror: string;
  readonly #logger: Logger;
  #created: string;
  #diverged: MirrorDivergedError | undefined;

  /** Whether it could not be asked the last time. */
  #away = false;

  /** @param created when the origin was */
  constructor(origin: AskedStream, mirror: string, created: string, logger: Logger) {
    this.#origin = origin;
    this.#mirror = mirror;
    this.#created = created;
    this.#logger = logger;
  }

  /** Identity of the origin, and so of the mirror. */
  get epoch(): string {
    return epochOf(this.#origin.stream, this.#created);
  }

  /**
   * What the mirror says of itself, under the identity of its origin.
   * @throws MirrorDivergedError
   */
  identify(info: StreamInfo): StreamInfo {
    if (this.#diverged) throw this.#diverged;
    return { ...info, created: this.#created, config: { ...info.config, name: this.#origin.stream } };
  }

  /** Sequence of the newest message that the origin has stored. @throws when it cannot be asked */
  async lastSeq(): Promise<number> {
    return (await this.#origin.info()).state.last_seq;
  }

  /** Asks who the origin is, and whether it holds the mirror's newest message. Never rejects: the mirror serves on without it. */
  async check(mirror: AskedStream): Promise<void> {
    try {
      const copied = (await mirror.info()).state;
      const { created, state } = await this.#origin.info();
      this.#created = created;
      if (this.#away)
        this.#logger.info({ stream: this.#origin.stream }, 'the origin of the mirror can be asked again');
      this.#away = false;
      const same = copied.messages === 0 || (await this.#holdsEnd(mirror, copied.last_seq, state.last_seq));
      if (same) this.#diverged = undefined;
      else if (this.#diverged === undefined) {
        this.#diverged = new MirrorDivergedError(this.#mirror, this.#origin.stream);
        this.#logger.error({ err: this.#diverged }, 'the mirror cannot be served from');
      }
    } catch (error) {
      if (this.#away) return;
      this.#away = true;
      const { stream, api } = this.#origin;
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.warn({ reason, stream, api }, 'the origin of the mirror cannot be asked');
    }
  }

  /** False only if it is known that the origin does not hold the mirror's message at `seq`. */
  async #holdsEnd(mirror: AskedStream, seq: number, originEnd: number): Promise<boolean> {
    if (originEnd < seq) return false;
    const there = await this.#origin.timeOf(seq);
    return there === undefined || there === (await mirror.timeOf(seq));
  }
}
