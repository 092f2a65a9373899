import type { Clock, Timer } from '../../common/clock.ts';

/** What may wait between a room and the application unless it says otherwise, in bytes of frames. */
export const DEFAULT_WINDOW_BYTES = 1024 * 1024;

/** A room whose window has been used up for so long, in milliseconds, is one that nobody reads. */
const STALLED_MS = 5_000;

/** What a room's credit asks of the room. */
export interface CreditListener {
  /** Lets the gateway send so many bytes more. */
  grant(bytes: number): void;
  /** Nothing was taken for a while, and the gateway may send nothing more. */
  stalled(): void;
}

/**
 * How much the gateway may send of a room before the application has taken it: the window less what waits. What is taken is
 * granted anew in portions of half a window, so that small messages do not cost a frame each.
 */
export class RoomCredit {
  readonly #clock: Clock;
  readonly #window: number;
  readonly #listener: CreditListener;
  /** What the gateway may still send, as it counts. */
  #left = 0;
  /** Taken by the application, and not yet granted anew. */
  #owed = 0;
  #joined = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, windowBytes: number, listener: CreditListener) {
    this.#clock = clock;
    this.#window = windowBytes;
    this.#listener = listener;
  }

  /** The room is joined while `waiting` bytes have not been taken: what the gateway may send. */
  begin(waiting: number): number {
    this.end();
    this.#joined = true;
    // What waits beyond the window is not granted anew when it is taken: else each reconnect would widen the window.
    this.#owed = Math.min(0, this.#window - waiting);
    this.#left = Math.max(0, this.#window - waiting);
    this.#watch();
    return this.#left;
  }

  /** So many bytes came. */
  spend(bytes: number): void {
    this.#left -= bytes;
    this.#watch();
  }

  /** The application has taken so many bytes. */
  take(bytes: number): void {
    this.#owed += bytes;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#owed * 2 >= this.#window) this.#grant();
    else this.#watch();
  }

  /** The room is not joined any more. */
  end(): void {
    this.#joined = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #grant(): void {
    const bytes = this.#owed;
    this.#owed = 0;
    this.#left += bytes;
    this.#listener.grant(bytes);
    this.#watch();
  }

  #watch(): void {
    if (!this.#joined || this.#left > 0 || this.#timer !== undefined) return;
    this.#timer = this.#clock.after(STALLED_MS, () => this.#listener.stalled());
  }
}
