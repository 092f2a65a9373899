import type { Clock } from '../../common/clock.ts';
import { withDeadline } from '../../common/deadline.ts';
import { sleep } from '../../common/sleep.ts';
import type { MessageContent } from '../core/message.ts';
import type { PublishLimit, PublishOutcome, PublishTarget } from '../core/publishing.ts';
import type { Upline } from './connection.ts';
import { encodeHeaders, encodeStoredHeaders } from './message-codec.ts';
import type { StreamMessage } from './pub-acks.ts';
import { PubAcks } from './pub-acks.ts';
import type { Subjects } from './subjects.ts';

const RETRY_MS = { first: 50, max: 1_000 };

/** Publishes for viewers and backends that come through the gateway. */
export class Publisher implements PublishTarget {
  readonly #upline: Upline;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #acks: PubAcks;

  constructor(upline: Upline, subjects: Subjects, clock: Clock) {
    this.#upline = upline;
    this.#subjects = subjects;
    this.#clock = clock;
    this.#acks = new PubAcks(upline.nc, clock);
  }

  // The client library has no buffer for the time without a connection: nothing is handed to it then.
  async reliable(
    room: string,
    content: MessageContent,
    { ms, signal }: PublishLimit,
  ): Promise<PublishOutcome> {
    const endMs = this.#clock.monotonicMs() + ms;
    const { payload } = content;
    const message = { subject: this.#subjects.room(room), payload, headers: encodeStoredHeaders(content) };
    const first: PublishOutcome = this.#upline.up ? await this.#acks.publish(message) : { kind: 'unsent' };
    if (isFinal(first)) return first;
    const deadline = {
      clock: this.#clock,
      ms: endMs - this.#clock.monotonicMs(),
      signals: signal === undefined ? [] : [signal],
    };
    return withDeadline(deadline, (limit) => this.#insist(message, first, limit));
  }

  ephemeral(room: string, content: MessageContent): boolean {
    if (!this.#upline.up) return false;
    this.#upline.nc.publish(this.#subjects.ephemeral(room), content.payload, {
      headers: encodeHeaders(content),
    });
    return true;
  }

  /** Tries again with the same id until the outcome is certain or `signal` is aborted. */
  async #insist(message: StreamMessage, first: PublishOutcome, signal: AbortSignal): Promise<PublishOutcome> {
    let outcome = first;
    for (let attempt = 0; ; attempt++) {
      await sleep(this.#clock, Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.max), signal);
      await this.#upline.whenUp(signal).catch(() => undefined);
      if (signal.aborted) return outcome;
      const next = await this.#acks.publish(message);
      if (isFinal(next)) return next;
      // It may have been stored by an earlier attempt.
      if (next.kind === 'unknown') outcome = next;
    }
  }
}

function isFinal({ kind }: PublishOutcome): boolean {
  return kind === 'stored' || kind === 'refused';
}
