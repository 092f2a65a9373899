import type { Clock, Timer } from '../../common/clock.ts';
import { Histogram } from '../../common/histogram.ts';

/** How often it is looked at, in milliseconds: a loop that is held up for longer is noticed. */
const LOOK_MS = 50;
const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** How late timers are: for so long nothing else got its turn either. */
export class EventLoopLag {
  /** In seconds. */
  readonly seconds = new Histogram(LAG_SECONDS);
  readonly #timer: Timer;
  #lastMs: number;

  constructor(clock: Clock) {
    this.#lastMs = clock.monotonicMs();
    this.#timer = clock.every(LOOK_MS, () => {
      const nowMs = clock.monotonicMs();
      this.seconds.observe(Math.max(0, nowMs - this.#lastMs - LOOK_MS) / 1_000);
      this.#lastMs = nowMs;
    });
  }

  close(): void {
    this.#timer.cancel();
  }
}
