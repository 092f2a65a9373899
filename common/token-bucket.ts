import { Rate } from './rate.ts';

/** What may come at once after a silence: the tokens of so much time, in milliseconds. Short, so that they are spent evenly. */
const BURST_MS = 100;

/** A budget in tokens a second, of which a little is saved up. */
export class TokenBucket {
  readonly #rate: Rate;
  #fullAtMs = -Infinity;

  /** @param rate tokens a second, more than 0; Infinity: there is always one */
  constructor(rate: number) {
    this.#rate = new Rate(rate, (rate * BURST_MS) / 1_000);
  }

  /** Takes a token if there is one at `nowMs`, on a monotonic clock, in milliseconds. */
  take(nowMs: number): boolean {
    const fullAtMs = this.#rate.spend(this.#fullAtMs, nowMs);
    if (fullAtMs === undefined) return false;
    this.#fullAtMs = fullAtMs;
    return true;
  }
}
