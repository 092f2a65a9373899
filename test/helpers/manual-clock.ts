import type { Clock, Timer } from '../../common/clock.ts';

interface Due {
  atMs: number;
  fn: () => void;
}

/** A clock that stands still until it is moved by hand. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #due = new Set<Due>();

  /** Timers that have not fired and were not cancelled. */
  get pending(): number {
    return this.#due.size;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, fn };
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  every(periodMs: number, fn: () => void): Timer {
    const due = { atMs: this.#nowMs + periodMs, fn: () => undefined };
    const repeat = (): void => {
      due.atMs += periodMs;
      this.#due.add(due);
      fn();
    };
    due.fn = repeat as () => undefined;
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  /** Moves time on; what becomes due runs in order, each at its own moment. */
  advance(byMs: number): void {
    const end = this.#nowMs + byMs;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#fire(next);
    }
    this.#nowMs = end;
  }

  /** Moves time on as if the process had been asleep: what became due runs late, at the end. */
  sleepThrough(byMs: number): void {
    this.#nowMs += byMs;
    for (let next = this.#next(this.#nowMs); next !== undefined; next = this.#next(this.#nowMs))
      this.#fire(next);
  }

  #fire(due: Due): void {
    this.#due.delete(due);
    due.fn();
  }

  #next(endMs: number): Due | undefined {
    let next: Due | undefined;
    for (const due of this.#due) if (due.atMs <= endMs && due.atMs < (next?.atMs ?? Infinity)) next = due;
    return next;
  }
}
