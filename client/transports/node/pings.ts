import type { Clock, Timer } from '../../../common/clock.ts';
import { systemClock } from '../../../common/clock.ts';
import type { KeepaliveOptions } from '../keepalive.ts';

/** A timer this late, in milliseconds, says that this process slept: the answer may be waiting unread. */
const LATE_MS = 500;

/** What it asks of the connection. */
export interface PingedConnection {
  ping(): void;
  /** The last ping has no answer. */
  unanswered(timeoutMs: number): void;
}

/** Pings a connection from time to time, and tells when there is no answer. By the machine's clock, as keepalive of gRPC, but in tests. */
export class Pings {
  readonly #options: KeepaliveOptions;
  readonly #connection: PingedConnection;
  readonly #clock: Clock;
  #timer: Timer;

  constructor(options: KeepaliveOptions, connection: PingedConnection, clock = systemClock) {
    this.#options = options;
    this.#connection = connection;
    this.#clock = clock;
    this.#timer = this.#later();
  }

  /** An answer came. */
  answered(): void {
    this.#timer.cancel();
    this.#timer = this.#later();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #later(): Timer {
    return this.#clock.after(this.#options.timeMs, () => this.#ping());
  }

  #ping(): void {
    const { timeoutMs } = this.#options;
    const dueAt = this.#clock.monotonicMs() + timeoutMs;
    this.#timer = this.#clock.after(timeoutMs, () => {
      if (this.#clock.monotonicMs() - dueAt > LATE_MS) this.#ping();
      else this.#connection.unanswered(timeoutMs);
    });
    this.#connection.ping();
  }
}
