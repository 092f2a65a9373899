import type { JetStreamManager } from 'nats';
import type { BackoffLimits } from '../../../common/backoff.ts';
import { backoffCeiling } from '../../../common/backoff.ts';
import type { Clock } from '../../../common/clock.ts';
import { withDeadline } from '../../../common/deadline.ts';
import { aborted, sleep } from '../../../common/sleep.ts';
import type { MessageContent } from '../../log/message.ts';
import type {
  PublishLimit,
  PublishOutcome,
  PublishTarget,
  Refused,
  Unknown,
} from '../../upstream/publish-target.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { encodeHeaders, encodeStoredHeaders } from '../codec/message-codec.ts';
import { probeRoom } from '../probe-room.ts';
import { forbiddenTo } from './pub-ack.ts';
import type { StreamMessage, StreamOrigin } from './pub-acks.ts';
import { ACK_TIMEOUT_MS, PubAcks } from './pub-acks.ts';
import type { PublishProbes } from './publish-health.ts';
import { PublishHealth } from './publish-health.ts';
import { limitReached } from './space.ts';
import type { Subjects } from '../connection/subjects.ts';
import type { UpstreamHealth } from '../health/upstream-health.ts';
import type { ServerError } from '../connection/wire.ts';

const RETRY: BackoffLimits = { baseMs: 50, maxMs: 1_000 };
/** An attempt that is answered too late makes an outcome unknown that was certain: in so short a time, in milliseconds, none is made. */
const LAST_ATTEMPT_MS = 500;
/** After an ephemeral message was not permitted, the next is tried so much later, in milliseconds. */
const FORBIDDEN_MS = 2_000;
/** Subjects that are known not to be permitted. */
const MAX_FORBIDDEN = 1_000;

/** Between what came of the first attempt that nobody knows of and what came of the last. */
const THEN = '; then: ';

const AWAY: Refused = { kind: 'refused', refusal: 'away', detail: 'there is no connection to NATS' };

/** What a publisher depends on. */
export interface PublisherDependencies {
  readonly connection: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly subjects: Subjects;
  /** Whose acknowledgements count. */
  readonly origin: StreamOrigin;
  readonly health: UpstreamHealth;
  readonly clock: Clock;
}

/** Publishes for viewers and backends that come through the gateway. */
export class Publisher implements PublishTarget {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #acks: PubAcks;
  readonly #health: PublishHealth;
  /** Subjects of ephemeral messages that were not permitted, and until when no more are tried. */
  readonly #forbidden = new Map<string, number>();

  constructor({ connection, jsm, subjects, origin, health, clock }: PublisherDependencies) {
    this.#connection = connection;
    this.#subjects = subjects;
    this.#clock = clock;
    this.#acks = new PubAcks(connection, origin, clock, (outcome, message, sentMs) =>
      this.#health.observe(outcome, message, sentMs),
    );
    this.#health = new PublishHealth(health, this.#probes(jsm, origin.stream), clock);
    connection.onChange((up) => {
      if (!up) this.#acks.disconnected();
    });
    connection.onError((error) => this.#onError(error));
    void connection.nc.closed().then(() => this.#health.close());
  }

  // The client library has no buffer for the time without a connection: nothing is handed to it then.
  async reliable(room: string, content: MessageContent, limit: PublishLimit): Promise<PublishOutcome> {
    const { ms, signal } = limit;
    const endMs = this.#clock.monotonicMs() + ms;
    const { payload } = content;
    const message = { subject: this.#subjects.room(room), payload, headers: encodeStoredHeaders(content) };
    // Hardly any message needs more than this: neither a timer nor a second attempt.
    const first = ms >= ACK_TIMEOUT_MS && this.#connection.up ? await this.#acks.publish(message) : undefined;
    if (first !== undefined && !mayChange(first)) return first;
    const deadline = {
      clock: this.#clock,
      ms: endMs - this.#clock.monotonicMs(),
      signals: signal === undefined ? [] : [signal],
    };
    return withDeadline(deadline, (ended) => this.#retry(message, first, endMs - LAST_ATTEMPT_MS, ended));
  }

  /** Whether a reliable message of the room would reach the stream: undefined if so, else what would come of it. Stores nothing. */
  test(room: string): Promise<PublishOutcome | undefined> {
    return this.#acks.test(this.#subjects.room(room));
  }

  ephemeral(room: string, content: MessageContent): Refused | undefined {
    if (!this.#connection.up) return AWAY;
    const subject = this.#subjects.ephemeral(room);
    if (this.#forbidden.size > 0 && this.#isForbidden(subject)) return forbiddenTo(subject);
    this.#connection.nc.publish(subject, content.payload, { headers: encodeHeaders(content) });
    return undefined;
  }

  /**
   * Tries again with the same id until the outcome is certain or `signal` is aborted.
   * @param lastMs when the last attempt may begin if nothing is stored so far, on the monotonic clock
   */
  async #retry(
    message: StreamMessage,
    first: PublishOutcome | undefined,
    lastMs: number,
    signal: AbortSignal,
  ): Promise<PublishOutcome> {
    const tooLate = aborted(signal).then((): Unknown => ({
      kind: 'unknown',
      detail: 'no acknowledgement in time',
    }));
    let outcome = first;
    for (let attempt = 0; ; attempt++) {
      if (outcome !== undefined) await sleep(this.#clock, backoffCeiling(attempt, RETRY), signal);
      await this.#connection.whenUp(signal).catch(() => undefined);
      if (signal.aborted) return outcome ?? AWAY;
      if (outcome?.kind === 'refused' && this.#clock.monotonicMs() > lastMs) return outcome;
      const next = await Promise.race([this.#acks.publish(message), tooLate]);
      if (next.kind === 'stored') return next;
      outcome = outcome?.kind === 'unknown' ? stillUnknown(outcome, next) : next;
      if (!mayChange(next)) return outcome;
    }
  }

  /** Tries one now and then, which is lost if it is still not permitted. */
  #isForbidden(subject: string): boolean {
    const untilMs = this.#forbidden.get(subject);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() >= untilMs) this.#forbidden.delete(subject);
    return this.#forbidden.has(subject);
  }

  #ephemeralForbidden(subject: string): void {
    if (this.#forbidden.size >= MAX_FORBIDDEN) this.#forbidden.clear();
    this.#forbidden.set(subject, this.#clock.monotonicMs() + FORBIDDEN_MS);
  }

  #probes(jsm: JetStreamManager, stream: string): PublishProbes {
    const connection = this.#connection;
    return {
      get up() {
        return connection.up;
      },
      reaches: async (subject) => (await this.#acks.test(subject)) === undefined,
      isPermitted: async () => {
        const outcome = await this.test(probeRoom());
        return !(outcome?.kind === 'refused' && outcome.refusal === 'forbidden');
      },
      isFull: (bytes) =>
        connection.whileUp(async () => (await limitReached(jsm, stream, bytes)) !== undefined),
      lastSeq: () => connection.whileUp(async () => (await jsm.streams.info(stream)).state.last_seq),
    };
  }

  #onError({ operation, subject }: ServerError): void {
    if (operation !== 'publish' || subject === undefined) return;
    if (this.#subjects.isEphemeral(subject)) this.#ephemeralForbidden(subject);
    else this.#acks.forbidden(subject);
  }
}

/** Whether another attempt with the same id may have another outcome soon. */
function mayChange(outcome: PublishOutcome): boolean {
  if (outcome.kind !== 'refused') return outcome.kind === 'unknown';
  return outcome.refusal === 'away' || outcome.refusal === 'unready';
}

/** That a later attempt was certainly not stored says nothing of an earlier one. */
function stillUnknown(earlier: Unknown, { detail }: Unknown | Refused): Unknown {
  return { kind: 'unknown', detail: `${earlier.detail.split(THEN)[0]}${THEN}${detail}` };
}
