import type { Clock, Timer } from '../../../common/clock.ts';
import { Failure } from '../../session/failure.ts';
import type { Refusals } from '../../session/refusals.ts';
import type { Origin } from './origins.ts';
import type { Holder, Place, ReceiveLimits } from './receive-accounts.ts';
import { ReceiveAccounts } from './receive-accounts.ts';

/** How often deadlines are looked at, in milliseconds. */
const LOOK_MS = 1_000;
/** What does not become complete in its time must come at this rate at least: less than half of what a link must carry. */
const BYTES_A_SECOND = 4_000;

/** Bounds of what is received and not complete. */
export interface ReceivingLimits {
  /** Memory for it, of all calls together, in bytes. One address may have half of it, one connection a quarter. */
  readonly bytes: number;
  /** How long a message that has begun may take, in milliseconds; as long again whenever it has come at a fair rate in that time. */
  readonly timeoutMs: number;
}

/** What the bytes of a call are read from. */
export interface Source {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  /** Whether it is us who do not read. */
  isPaused(): boolean;
}

/** A call of which something is awaited: the rest of a message that has begun, or a request that every call of its method must make. */
export interface Incoming extends Holder {
  readonly source: Source;
  /** The same object for all calls on one connection. */
  readonly connection: object;
  /** Where it comes from: who it is counted with. */
  readonly origin: Origin;
  /** What has come of it, in bytes. */
  readonly filled: number;
  /** Whether nothing is missing any more. */
  readonly complete: boolean;
  /** Ends the call, which lets go of what it holds. */
  refuse(failure: Failure): void;
}

interface Awaited {
  readonly address: string;
  readonly connection: object;
  readonly place: Place<Incoming>;
  readonly closed: () => void;
  sinceMs: number;
  /** What had come then, in bytes. */
  filledBefore: number;
}

/**
 * Messages that have begun and are not complete, over all calls: what they take together, and how long each of them. Who has none of
 * them costs nothing here.
 */
export class Receiving {
  /** Counts what is refused because of it. */
  readonly refusals: Refusals;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #accounts: ReceiveAccounts<Incoming>;
  readonly #awaited = new Map<Incoming, Awaited>();
  readonly #timer: Timer;

  constructor(clock: Clock, { bytes, timeoutMs }: ReceivingLimits, refusals: Refusals) {
    this.refusals = refusals;
    const limits: ReceiveLimits = { total: bytes, address: bytes / 2, connection: bytes / 4 };
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#accounts = new ReceiveAccounts(limits);
    this.#timer = clock.every(LOOK_MS, () => this.#look());
  }

  /** Bytes held of messages that are not complete. */
  get bytes(): number {
    return this.#accounts.held;
  }

  /** More of `incoming` is awaited, until {@link end}; it holds nothing yet. */
  begin(incoming: Incoming): void {
    if (this.#awaited.has(incoming)) return;
    const { source, connection, origin } = incoming;
    const { address } = origin;
    const closed = (): void => this.end(incoming);
    source.once('close', closed);
    const place = this.#accounts.enter(incoming, connection, address);
    const sinceMs = this.#clock.monotonicMs();
    this.#awaited.set(incoming, { address, connection, place, closed, sinceMs, filledBefore: 0 });
  }

  /** It holds `bytes` more. May refuse it, or others. */
  grown(incoming: Incoming, bytes: number): void {
    const awaited = this.#awaited.get(incoming);
    if (awaited === undefined) return;
    const { place } = awaited;
    this.#accounts.add(place, bytes);
    for (let payer = this.#accounts.payer(place); payer !== undefined; payer = this.#accounts.payer(place))
      payer.refuse(tooMuch());
  }

  /** Nothing more is awaited; what it holds until now is not counted any more. */
  end(incoming: Incoming): void {
    const awaited = this.#awaited.get(incoming);
    if (awaited === undefined) return;
    const { address, connection, place, closed } = awaited;
    this.#awaited.delete(incoming);
    incoming.source.off('close', closed);
    this.#accounts.leave(incoming, connection, address, place);
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [incoming, awaited] of this.#awaited) {
      if (incoming.complete) {
        this.end(incoming);
      } else if (incoming.source.isPaused()) {
        awaited.sinceMs = nowMs;
      } else if (nowMs - awaited.sinceMs > this.#timeoutMs) {
        this.#due(incoming, awaited, nowMs);
      }
    }
  }

  #due(incoming: Incoming, awaited: Awaited, nowMs: number): void {
    const { filled } = incoming;
    const fair = (BYTES_A_SECOND * this.#timeoutMs) / 1_000;
    if (filled - awaited.filledBefore < fair) return incoming.refuse(tooSlow(this.#timeoutMs));
    awaited.sinceMs = nowMs;
    awaited.filledBefore = filled;
  }
}

function tooMuch(): Failure {
  return new Failure(
    'RECEIVE_LIMIT',
    'too many bytes of incomplete frames and requests are on their way, most of them on this stream: finish one before the next',
  );
}

function tooSlow(timeoutMs: number): Failure {
  return new Failure(
    'FRAME_TIMEOUT',
    `a frame or request was not complete within ${timeoutMs} ms, nor came 4 kB of it a second: send it again`,
  );
}
