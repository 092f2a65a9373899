/** What may come at once after a silence: the tokens of so much time, in milliseconds. Short, so that they are spent evenly. */
const BURST_MS = 100;

/**
 * A budget in tokens a second, of which a little is saved up. It is kept as one number, the moment at which the
 * bucket would be full again: each token taken puts that off by the time in which one comes.
 */
export class TokenBucket {
  readonly #periodMs: number;
  readonly #burstMs: number;
  #fullAtMs = -Infinity;

  /** @param rate tokens a second, more than 0; Infinity: there is always one */
  constructor(rate: number) {
    this.#periodMs = 1000 / rate;
    this.#burstMs = Math.max(BURST_MS, this.#periodMs);
  }

  /** Takes a token if there is one at `nowMs`, on a monotonic clock, in milliseconds. */
  take(nowMs: number): boolean {
    const fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#periodMs;
    if (fullAtMs - nowMs > this.#burstMs) return false;
    this.#fullAtMs = fullAtMs;
    return true;
  }
}
