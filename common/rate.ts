/** What sums of times may be wrong by, in milliseconds: who comes when he was told to is not sent away for it. */
const ROUNDING_MS = 0.001;

/**
 * So many a second, of which some are saved up. Who spends them keeps one number, the moment at which everything would be saved up again: each
 * puts that off by the time in which one comes. One rate serves any number of spenders.
 */
export class Rate {
  readonly #periodMs: number;
  readonly #burstMs: number;

  /**
   * @param perSecond more than 0; Infinity: there is always one
   * @param burst what can be saved up; at least 1
   */
  constructor(perSecond: number, burst: number) {
    this.#periodMs = 1_000 / perSecond;
    this.#burstMs = perSecond === Infinity ? Infinity : Math.max(1, burst) * this.#periodMs;
  }

  /**
   * Spends one: the spender's new number, undefined if there is none at `nowMs`, on a monotonic clock, in milliseconds.
   * @param fullAtMs the spender's number; -Infinity at first
   */
  spend(fullAtMs: number, nowMs: number): number | undefined {
    const missingMs = Math.max(0, fullAtMs - nowMs) + this.#periodMs;
    return missingMs > this.#burstMs + ROUNDING_MS ? undefined : nowMs + missingMs;
  }

  /** In how long there is one again, in milliseconds, rounded up. */
  waitMs(fullAtMs: number, nowMs: number): number {
    return Math.max(0, Math.ceil(fullAtMs + this.#periodMs - this.#burstMs - nowMs));
  }
}
