import { status } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../common/clock.ts';
import { nestedMs } from '../../common/deadline.ts';
import type { Random } from '../../common/random.ts';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResult as WireResult } from '../../protos/gen/live/v1/PublishResult.ts';
import type { Refusal } from '../../protos/gen/live/v1/Refusal.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { isKnownReason } from '../../protos/reasons.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { Counters } from './counters.ts';
import { LiveError, fromRefusal } from './errors.ts';

/** What became of a publish. */
export interface PublishResult {
  /** Sequence of the stored message; 0 for an ephemeral one. */
  readonly seq: bigint;
  /** The same message had been stored before, at `seq`. */
  readonly duplicate: boolean;
}

/** A publish with everything decided. */
export interface PublishOrder {
  readonly message: PublishRequestInput & { key: string };
  readonly deliveryClass: DeliveryClass;
  /** How long to try, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Not to be sent before every earlier one of its room has its result. */
  readonly ordered: boolean;
}

/** Time that is too short for another attempt, in milliseconds. */
const LAST_ATTEMPT_MS = 500;

/** What a publisher is made of. */
export interface PublisherParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly backoff: BackoffLimits;
  /** Publishes that may wait for a connection or a result at once. */
  readonly maxPending: number;
  readonly wire: { send(frame: ClientFrameInput): void };
}

type Progress =
  /** In line for a connection, or for a place among those in flight. */
  | { name: 'waiting' }
  | { name: 'sent' }
  /** Refused for now; `timer` puts it in line again. */
  | { name: 'resting'; timer: Timer };

/** What is known of the attempts before the one under way. */
type Past =
  | { name: 'none' }
  /** Every one was refused: nothing is stored. The last refusal. */
  | { name: 'refused'; error: LiveError }
  /** One may have been stored. */
  | { name: 'doubtful' };

interface Pending {
  readonly requestId: string;
  readonly order: PublishOrder;
  readonly deadline: Timer;
  /** When its time is up, on the monotonic clock. */
  readonly endMs: number;
  readonly onAbort: () => void;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
  progress: Progress;
  past: Past;
  attempts: number;
}

/** What the gateway's Welcome says of publishing. */
export interface PublishBounds {
  /** Publishes in flight at once. */
  readonly publishes: number;
  /** Bytes of one payload. */
  readonly payloadBytes: number;
  /** Bytes of one frame. */
  readonly requestBytes: number;
}

/**
 * Publishes over whatever connection there is. A reliable message is sent again with the same key until it is
 * answered or its time is up; an ephemeral one at most once. In flight are never more than the gateway allows.
 *
 * Reliable messages of a room are sent in the order of the calls, and none is sent while an earlier one rests. What was in flight when an
 * earlier one was refused, or tried again by the gateway, may still come before it; an ordered one is alone in flight.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  /** In order of `publish`, which is the order of sending and of sending again. */
  readonly #pending = new Map<string, Pending>();
  #nextId = 1;
  /** How many the gateway lets be in flight; 0 while there is no connection. */
  #window = 0;
  #inFlight = 0;
  /** How many wait to be sent. */
  #waiting = 0;
  /** Given up here and still under way at the gateway, where they keep their places. */
  readonly #abandoned = new Map<string, PublishOrder>();
  /** Bytes that the gateway takes in one payload. */
  #maxPayload = Infinity;
  /** Bytes that it takes in one frame. */
  #maxRequest = Infinity;
  #closedBy: LiveError | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Whether nothing waits for its result. */
  get idle(): boolean {
    return this.#pending.size === 0;
  }

  /**
   * Publishes one message.
   * @throws LiveError with the key and the gateway's reason, the last one when time runs out, or the caller gives up, while it is refused
   *   again and again; PUBLISH_OUTCOME_UNKNOWN when an attempt was not answered, or in doubt itself.
   */
  async publish(order: PublishOrder): Promise<PublishResult> {
    const { key } = order.message;
    if (this.#closedBy !== undefined) throw withKey(this.#closedBy, key);
    if (this.#pending.size >= this.#parts.maxPending) {
      const message = `${this.#parts.maxPending} publishes are waiting already`;
      throw new LiveError(status.RESOURCE_EXHAUSTED, message, { reason: 'TOO_MANY_PUBLISHES', key });
    }
    if (order.signal?.aborted) throw notSent(key, order.signal.reason);
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const requestId = String(this.#nextId++);
      const pending: Pending = {
        requestId,
        order,
        deadline: this.#parts.clock.after(order.timeoutMs, () => this.#timeOut(pending)),
        endMs: this.#parts.clock.monotonicMs() + order.timeoutMs,
        onAbort: () => this.#giveUp(pending, aborted(pending)),
        resolve,
        reject,
        progress: { name: 'waiting' },
        past: { name: 'none' },
        attempts: 0,
      };
      order.signal?.addEventListener('abort', pending.onAbort, { once: true });
      this.#pending.set(requestId, pending);
      this.#flush();
    });
  }

  /** A connection is there, with the gateway's bounds. */
  connected({ publishes, payloadBytes, requestBytes }: PublishBounds): void {
    this.#window = publishes;
    // A gateway that does not say has no bound but its own.
    this.#maxPayload = payloadBytes || Infinity;
    this.#maxRequest = requestBytes || Infinity;
    this.#inFlight = 0;
    this.#flush();
  }

  /** The connection is gone, and with it the answers to what was sent over it. */
  disconnected(): void {
    this.#window = 0;
    this.#inFlight = 0;
    this.#abandoned.clear();
    for (const pending of [...this.#pending.values()]) {
      if (pending.progress.name !== 'sent') continue;
      if (pending.order.deliveryClass === 'EPHEMERAL') {
        this.#fail(pending, unknownOutcome(pending, 'the connection was lost', 'it is not sent again'));
      } else {
        this.#queue(pending);
        pending.past = { name: 'doubtful' };
      }
    }
  }

  onResults(results: readonly WireResult[]): void {
    for (const result of results) this.#onResult(result);
    this.#flush();
  }

  #onResult(result: WireResult): void {
    if (this.#abandoned.delete(result.requestId)) this.#inFlight -= 1;
    const pending = this.#pending.get(result.requestId);
    if (pending?.progress.name !== 'sent') return;
    this.#inFlight -= 1;
    if (result.published) {
      this.#settle(pending);
      pending.resolve({ seq: BigInt(result.published.seq), duplicate: result.published.duplicate });
    } else {
      this.#refused(pending, result.refusal ?? null);
    }
  }

  /** Rejects everything that waits, and whatever comes later. */
  close(cause: LiveError): void {
    this.#closedBy = cause;
    for (const pending of [...this.#pending.values()]) {
      this.#fail(
        pending,
        isInDoubt(pending)
          ? unknownOutcome(pending, cause.message, retryIsSafe)
          : withKey(cause, pending.order.message.key),
      );
    }
  }

  #refused(pending: Pending, refusal: Refusal | null): void {
    const { key } = pending.order.message;
    // An outcome of a later version of the contract leaves open what has happened.
    const error =
      refusal === null
        ? unknownOutcome(pending, 'an answer that is not known', retryIsSafe)
        : fromRefusal(refusal, key);
    if (pending.order.deliveryClass === 'EPHEMERAL') {
      this.#fail(pending, error);
      return;
    }
    const doubtful = pending.past.name === 'doubtful' || leavesOpen(error.reason);
    if (!error.retryable) {
      this.#fail(pending, doubtful ? unknownOutcome(pending, error.message, retryIsSafe) : error);
      return;
    }
    pending.past = doubtful ? { name: 'doubtful' } : { name: 'refused', error };
    const delayMs = Math.max(
      error.retryAfterMs,
      backoffDelay(pending.attempts, this.#parts.backoff, this.#parts.random),
    );
    pending.attempts += 1;
    const timer = this.#parts.clock.after(delayMs, () => {
      this.#queue(pending);
      this.#flush();
    });
    pending.progress = { name: 'resting', timer };
  }

  #queue(pending: Pending): void {
    pending.progress = { name: 'waiting' };
    this.#waiting += 1;
  }

  #flush(): void {
    if (this.#waiting === 0 || this.#inFlight >= this.#window) return;
    const turns = new Turns(this.#abandoned.values());
    for (const pending of this.#pending.values()) {
      const isNext = turns.take(pending.order, pending.progress.name);
      if (!isNext || this.#isTooLate(pending) || this.#refusedAsTooLarge(pending)) continue;
      this.#send(pending);
      turns.take(pending.order, 'sent');
      if (this.#waiting === 0 || this.#inFlight >= this.#window) return;
    }
  }

  #send(pending: Pending): void {
    if (pending.past.name !== 'none') this.#parts.counters.publishesResent += 1;
    pending.progress = { name: 'sent' };
    this.#waiting -= 1;
    this.#inFlight += 1;
    const { requestId, order } = pending;
    this.#parts.wire.send({
      publish: { requestId, request: { ...order.message, timeoutMs: this.#share(pending) } },
    });
  }

  /** Far beyond its bound gRPC would end the whole stream for it, again and again. */
  #refusedAsTooLarge(pending: Pending): boolean {
    const { key, payload } = pending.order.message;
    const bytes = payload?.length ?? 0;
    const all = bytes + textBytes(pending.order.message);
    if (bytes <= this.#maxPayload && all <= this.#maxRequest) return false;
    const error =
      bytes > this.#maxPayload
        ? new LiveError(
            status.INVALID_ARGUMENT,
            `the payload has ${bytes} bytes, the gateway takes ${this.#maxPayload}`,
            { reason: 'PAYLOAD_TOO_LARGE', key },
          )
        : new LiveError(
            status.RESOURCE_EXHAUSTED,
            `the message has ${all} bytes with all its texts, the gateway takes ${this.#maxRequest}`,
            { reason: 'REQUEST_TOO_LARGE', key },
          );
    this.#fail(pending, error);
    return true;
  }

  /** An attempt that is not answered any more would leave open what is certain. */
  #isTooLate({ past, endMs }: Pending): boolean {
    return past.name === 'refused' && endMs - this.#parts.clock.monotonicMs() < LAST_ATTEMPT_MS;
  }

  /** How long the gateway may try, in milliseconds, so that its answer comes before the time is up. */
  #share({ endMs }: Pending): number {
    return Math.max(1, Math.floor(nestedMs(endMs - this.#parts.clock.monotonicMs())));
  }

  #timeOut(pending: Pending): void {
    this.#giveUp(pending, timedOut(pending, this.#window > 0));
  }

  /** Rejects what the gateway may still be at. */
  #giveUp(pending: Pending, error: LiveError): void {
    if (pending.progress.name === 'sent') this.#abandoned.set(pending.requestId, pending.order);
    this.#fail(pending, error);
    this.#flush();
  }

  #fail(pending: Pending, error: LiveError): void {
    this.#settle(pending);
    pending.reject(error);
  }

  #settle(pending: Pending): void {
    if (!this.#pending.delete(pending.requestId)) return;
    if (pending.progress.name === 'waiting') this.#waiting -= 1;
    if (pending.progress.name === 'resting') pending.progress.timer.cancel();
    pending.deadline.cancel();
    pending.order.signal?.removeEventListener('abort', pending.onAbort);
  }
}

/** At least what the texts of a message take in a frame, and what is around them, in bytes. */
function textBytes({ type = '', sender = '', key, headers = {} }: PublishOrder['message']): number {
  const texts = [type, sender, key, ...Object.entries(headers).flat()];
  return texts.reduce(
    (sum, text) => sum + Buffer.byteLength(text) + TEXT_OVERHEAD_BYTES,
    FRAME_OVERHEAD_BYTES,
  );
}

/** Tags and lengths around a text, at most, and everything else in a frame: room, numbers; in bytes. */
const TEXT_OVERHEAD_BYTES = 12;
const FRAME_OVERHEAD_BYTES = 256;

/** Reasons that leave open whether the message was stored. */
const DOUBTFUL: ReadonlySet<string> = new Set([
  'PUBLISH_OUTCOME_UNKNOWN',
  'DEADLINE_EXCEEDED',
  'INTERNAL_ERROR',
  'UNSPECIFIED',
]);

/** One that a later version of the contract has added may do so, too. */
const leavesOpen = (reason: string): boolean => DOUBTFUL.has(reason) || !isKnownReason(reason);

const isInDoubt = ({ progress, past }: Pending): boolean =>
  progress.name === 'sent' || past.name === 'doubtful';

/** @param connected whether there is a gateway to send it to */
function timedOut(pending: Pending, connected: boolean): LiveError {
  const { timeoutMs, message } = pending.order;
  if (isInDoubt(pending)) return unknownOutcome(pending, `no answer within ${timeoutMs} ms`, retryIsSafe);
  if (pending.past.name === 'refused') return pending.past.error;
  const missing = connected ? 'results of earlier publishes' : 'gateway';
  return new LiveError(status.UNAVAILABLE, `not sent: no ${missing} within ${timeoutMs} ms`, {
    key: message.key,
  });
}

function aborted(pending: Pending): LiveError {
  const { signal, message } = pending.order;
  const cause: unknown = signal?.reason;
  if (isInDoubt(pending)) return unknownOutcome(pending, 'given up', retryIsSafe, cause);
  const { past } = pending;
  if (past.name !== 'refused') return notSent(message.key, cause);
  const { reason } = past.error;
  const text = `given up; until then: ${past.error.message}`;
  return new LiveError(status.CANCELLED, text, { reason, key: message.key, cause });
}

function notSent(key: string, cause: unknown): LiveError {
  return new LiveError(status.CANCELLED, 'given up before it was sent', { key, cause });
}

function withKey(cause: LiveError, key: string): LiveError {
  return new LiveError(cause.code, cause.message, { reason: cause.reason, key, cause });
}

type Turn = Pending['progress']['name'];

/** Goes through publishes in the order of the calls, and says whose turn it is. */
class Turns {
  /** Rooms of which nothing may be sent any more, because something earlier has to go first. */
  readonly #held = new Set<string>();
  /** Rooms of which something is in flight. */
  readonly #busy = new Set<string>();

  constructor(abandoned: Iterable<PublishOrder>) {
    for (const order of abandoned) this.take(order, 'sent');
  }

  /** Whether the next one may be sent. */
  take({ deliveryClass, message, ordered }: PublishOrder, turn: Turn): boolean {
    if (deliveryClass === 'EPHEMERAL') return turn === 'waiting';
    const room = message.room as string;
    if (turn === 'waiting' && !this.#held.has(room) && !(ordered && this.#busy.has(room))) return true;
    if (turn === 'sent') this.#busy.add(room);
    if (ordered || turn === 'resting') this.#held.add(room);
    return false;
  }
}

const retryIsSafe = 'publishing again with the same key is safe';

function unknownOutcome(pending: Pending, what: string, advice: string, cause?: unknown): LiveError {
  return new LiveError(status.UNAVAILABLE, `${what}; the message may have been published; ${advice}`, {
    reason: 'PUBLISH_OUTCOME_UNKNOWN',
    key: pending.order.message.key,
    cause,
  });
}
