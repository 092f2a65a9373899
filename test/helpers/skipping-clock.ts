import type { Clock, Timer } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';

/** The machine's clock, with the possibility to skip a stretch of time: what would have become due in it is due now. */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #restarts = new Set<() => void>();

  wallMs(): number {
    return systemClock.wallMs() + this.#skippedMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#skippedMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const dueMs = this.monotonicMs() + delayMs;
    const start = (): Timer => systemClock.after(Math.max(0, dueMs - this.monotonicMs()), fire);
    const restart = (): void => {
      timer.cancel();
      timer = start();
    };
    const fire = (): void => {
      this.#restarts.delete(restart);
      fn();
    };
    let timer = start();
    this.#restarts.add(restart);
    return {
      cancel: () => {
        timer.cancel();
        this.#restarts.delete(restart);
      },
    };
  }

  /** Periods that were skipped count as one. */
  every(periodMs: number, fn: () => void): Timer {
    const repeat = (): void => {
      timer = this.after(periodMs, repeat);
      fn();
    };
    let timer = this.after(periodMs, repeat);
    return { cancel: () => timer.cancel() };
  }

  /** Moves time on by `ms` milliseconds. */
  skip(ms: number): void {
    this.#skippedMs += ms;
    for (const restart of this.#restarts) restart();
  }
}
