import type { KeepaliveOptions } from '../keepalive.ts';

/** A timer this late, in milliseconds, says that this process slept: the answer may be waiting unread. */
const LATE_MS = 500;

/** What it asks of the connection. */
export interface PingedConnection {
  ping(): void;
  /** The last ping has no answer. */
  unanswered(timeoutMs: number): void;
}

/** Pings a connection from time to time, and tells when there is no answer. By the machine's clock, as keepalive of gRPC. */
export class Pings {
  readonly #options: KeepaliveOptions;
  readonly #connection: PingedConnection;
  #timer: NodeJS.Timeout;

  constructor(options: KeepaliveOptions, connection: PingedConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#timer = this.#later();
  }

  /** An answer came. */
  answered(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#later();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => this.#ping(), this.#options.timeMs);
  }

  #ping(): void {
    const { timeoutMs } = this.#options;
    const dueAt = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      if (performance.now() - dueAt > LATE_MS) this.#ping();
      else this.#connection.unanswered(timeoutMs);
    }, timeoutMs);
    this.#connection.ping();
  }
}
