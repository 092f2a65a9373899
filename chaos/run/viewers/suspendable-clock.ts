import type { Clock, Timer } from '../../../common/clock.ts';

/** A clock whose timers can be stopped, as those of an application that its device has put to sleep. Time goes on. */
export class SuspendableClock implements Clock {
  readonly #clock: Clock;
  /** Timers that fell due while suspended; undefined while running. */
  #due: Set<() => void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#cancellable(fn, (fire) => this.#clock.after(delayMs, fire));
  }

  /** A periodic timer that fell due several times while suspended fires once afterwards. */
  every(periodMs: number, fn: () => void): Timer {
    return this.#cancellable(fn, (fire) => this.#clock.every(periodMs, fire));
  }

  suspend(): void {
    this.#due ??= new Set();
  }

  /** What fell due meanwhile fires now. */
  resume(): void {
    const due = this.#due ?? [];
    this.#due = undefined;
    for (const fn of due) fn();
  }

  #cancellable(fn: () => void, start: (fire: () => void) => Timer): Timer {
    const run = (): void => fn();
    const timer = start(() => {
      if (this.#due === undefined) run();
      else this.#due.add(run);
    });
    return {
      cancel: () => {
        timer.cancel();
        this.#due?.delete(run);
      },
    };
  }
}
