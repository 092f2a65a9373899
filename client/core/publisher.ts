import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { nestedMs } from '../../common/deadline.ts';
import type { Random } from '../../common/random.ts';
import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { PublishResult as WireResult } from '../../protos/gen/live/v1/PublishResult.ts';
import type { Refusal } from '../../protos/gen/live/v1/Refusal.ts';
import { status } from '../../protos/status-codes.ts';
import type { Counters } from './counters.ts';
import { LiveError, fromRefusal } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Pending } from './pending-publish.ts';
import type { PublishBounds } from './publish-bounds.ts';
import { tooLarge } from './publish-bounds.ts';
import {
  aborted,
  isInDoubt,
  leavesOpen,
  notSent,
  timedOut,
  unknownOutcome,
  withKey,
} from './publish-errors.ts';
import type { PublishOrder, PublishResult } from './publish-order.ts';
import { Turns } from './publish-turns.ts';

/** Nothing may be in flight. */
const NO_CONNECTION: PublishBounds = { publishes: 0, payloadBytes: Infinity, requestBytes: Infinity };

/** Time that is too short for another attempt, in milliseconds. */
const LAST_ATTEMPT_MS = 500;

/** What a publisher works with. */
export interface PublisherDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly backoff: BackoffLimits;
  /** Publishes that may wait for a connection or a result at once. */
  readonly maxPending: number;
  readonly wire: { send(frame: ClientFrameInput): void };
}

/**
 * Publishes over whatever connection there is. A reliable message is sent again with the same key until it is
 * answered or its time is up; an ephemeral one at most once. In flight are never more than the gateway allows.
 *
 * Reliable messages of a room are sent in the order of the calls, and none is sent while an earlier one rests. What was in flight when an
 * earlier one was refused, or tried again by the gateway, may still come before it; an ordered one is alone in flight.
 */
export class Publisher {
  readonly #dependencies: PublisherDependencies;
  /** In order of `publish`, which is the order of sending and of sending again. */
  readonly #pending = new Map<string, Pending>();
  #nextId = 1;
  /** What the gateway takes. */
  #bounds = NO_CONNECTION;
  #inFlight = 0;
  /** How many wait to be sent. */
  #waiting = 0;
  /** Given up here and still under way at the gateway, where they keep their places. */
  readonly #abandoned = new Map<string, PublishOrder>();
  #closedBy: LiveError | undefined;

  constructor(dependencies: PublisherDependencies) {
    this.#dependencies = dependencies;
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
    if (this.#pending.size >= this.#dependencies.maxPending) {
      const message = `${this.#dependencies.maxPending} publishes are waiting already`;
      throw new LiveError(status.RESOURCE_EXHAUSTED, message, { reason: 'TOO_MANY_PUBLISHES', key });
    }
    if (order.signal?.aborted) throw notSent(key, order.signal.reason);
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const requestId = String(this.#nextId++);
      const pending: Pending = {
        requestId,
        order,
        deadline: this.#dependencies.clock.after(order.timeoutMs, () => this.#timeOut(pending)),
        endMs: this.#dependencies.clock.monotonicMs() + order.timeoutMs,
        onAbort: () => this.#giveUp(pending, aborted(pending)),
        resolve,
        reject,
        progress: { kind: 'waiting' },
        past: { kind: 'none' },
        attempts: 0,
      };
      order.signal?.addEventListener('abort', pending.onAbort, { once: true });
      this.#pending.set(requestId, pending);
      this.#flush();
    });
  }

  /** A connection is there, with the gateway's bounds. */
  connected({ publishes, payloadBytes, requestBytes }: PublishBounds): void {
    // A gateway that does not say has no bound but its own.
    this.#bounds = {
      publishes,
      payloadBytes: payloadBytes || Infinity,
      requestBytes: requestBytes || Infinity,
    };
    this.#inFlight = 0;
    this.#flush();
  }

  /** The connection is gone, and with it the answers to what was sent over it. */
  disconnected(): void {
    this.#bounds = NO_CONNECTION;
    this.#inFlight = 0;
    this.#abandoned.clear();
    for (const pending of [...this.#pending.values()]) {
      if (pending.progress.kind !== 'sent') continue;
      if (pending.order.deliveryClass === 'EPHEMERAL') {
        this.#fail(
          pending,
          unknownOutcome(pending, 'the connection was lost', { advice: 'it is not sent again' }),
        );
      } else {
        this.#queue(pending);
        pending.past = { kind: 'doubtful' };
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
    if (pending?.progress.kind !== 'sent') return;
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
          ? unknownOutcome(pending, cause.message)
          : withKey(cause, pending.order.message.key),
      );
    }
  }

  #refused(pending: Pending, refusal: Refusal | null): void {
    const { key } = pending.order.message;
    // An outcome of a later version of the contract leaves open what has happened.
    const error =
      refusal === null ? unknownOutcome(pending, 'an answer that is not known') : fromRefusal(refusal, key);
    if (pending.order.deliveryClass === 'EPHEMERAL') {
      this.#fail(pending, error);
      return;
    }
    const doubtful = pending.past.kind === 'doubtful' || leavesOpen(error.reason);
    if (!error.retryable) {
      this.#fail(pending, doubtful ? unknownOutcome(pending, error.message) : error);
      return;
    }
    pending.past = doubtful ? { kind: 'doubtful' } : { kind: 'refused', error };
    const delayMs = Math.max(
      error.retryAfterMs,
      backoffDelay(pending.attempts, this.#dependencies.backoff, this.#dependencies.random),
    );
    pending.attempts += 1;
    const timer = this.#dependencies.clock.after(delayMs, () => {
      this.#queue(pending);
      this.#flush();
    });
    pending.progress = { kind: 'resting', timer };
    const { room } = pending.order.message;
    this.#dependencies.logger.debug('a publish is tried again', {
      room,
      key: pending.order.message.key,
      delayMs,
      cause: error,
    });
  }

  #queue(pending: Pending): void {
    pending.progress = { kind: 'waiting' };
    this.#waiting += 1;
  }

  #flush(): void {
    if (this.#waiting === 0 || this.#inFlight >= this.#bounds.publishes) return;
    const turns = new Turns(this.#abandoned.values());
    for (const pending of this.#pending.values()) {
      const isNext = turns.take(pending.order, pending.progress.kind);
      if (!isNext || this.#isTooLate(pending) || this.#refusedAsTooLarge(pending)) continue;
      this.#send(pending);
      turns.take(pending.order, 'sent');
      if (this.#waiting === 0 || this.#inFlight >= this.#bounds.publishes) return;
    }
  }

  #send(pending: Pending): void {
    if (pending.past.kind !== 'none') this.#dependencies.counters.publishesResent += 1;
    pending.progress = { kind: 'sent' };
    this.#waiting -= 1;
    this.#inFlight += 1;
    const { requestId, order } = pending;
    this.#dependencies.wire.send({
      publish: { requestId, request: { ...order.message, timeoutMs: this.#share(pending) } },
    });
  }

  #refusedAsTooLarge(pending: Pending): boolean {
    const error = tooLarge(pending.order.message, this.#bounds);
    if (error === undefined) return false;
    this.#fail(pending, error);
    return true;
  }

  /** An attempt that is not answered any more would leave open what is certain. */
  #isTooLate({ past, endMs }: Pending): boolean {
    return past.kind === 'refused' && endMs - this.#dependencies.clock.monotonicMs() < LAST_ATTEMPT_MS;
  }

  /** How long the gateway may try, in milliseconds, so that its answer comes before the time is up. */
  #share({ endMs }: Pending): number {
    return Math.max(1, Math.floor(nestedMs(endMs - this.#dependencies.clock.monotonicMs())));
  }

  #timeOut(pending: Pending): void {
    this.#giveUp(pending, timedOut(pending, this.#bounds.publishes > 0));
  }

  /** Rejects what the gateway may still be at. */
  #giveUp(pending: Pending, error: LiveError): void {
    if (pending.progress.kind === 'sent') this.#abandoned.set(pending.requestId, pending.order);
    this.#fail(pending, error);
    this.#flush();
  }

  #fail(pending: Pending, error: LiveError): void {
    this.#settle(pending);
    pending.reject(error);
  }

  #settle(pending: Pending): void {
    if (!this.#pending.delete(pending.requestId)) return;
    if (pending.progress.kind === 'waiting') this.#waiting -= 1;
    if (pending.progress.kind === 'resting') pending.progress.timer.cancel();
    pending.deadline.cancel();
    pending.order.signal?.removeEventListener('abort', pending.onAbort);
  }
}
