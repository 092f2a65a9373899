import type Database from 'better-sqlite3';
import type { Clock, Timer } from '../../common/clock.ts';

/** How long a write may wait for others, in milliseconds: what a crash may lose. */
const DELAY_MS = 100;

/** How long writes may hold up the event loop at a time, in milliseconds. */
const SLICE_MS = 5;

/** Runs writes later, many to a transaction, in slices between which the event loop is free. */
export class WriteQueue {
  readonly #database: Database.Database;
  readonly #clock: Clock;
  #writes: (() => void)[] = [];
  #next = 0;
  #timer: Timer | undefined;
  #failure: Error | undefined;

  constructor(database: Database.Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @throws what an earlier write failed with. */
  push(write: () => void): void {
    this.#throwFailure();
    this.#writes.push(write);
    this.#timer ??= this.#clock.after(DELAY_MS, () => this.#writeSlice());
  }

  /** Runs all that are left, now. @throws what any write failed with. */
  finish(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#throwFailure();
    this.#write(Infinity);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A timer has no caller to tell: the next one to push or finish hears of a failure. */
  #writeSlice(): void {
    this.#timer = undefined;
    try {
      this.#write(this.#clock.monotonicMs() + SLICE_MS);
    } catch (cause) {
      this.#failure = new Error('the run could not be recorded', { cause });
      this.#writes = [];
      return;
    }
    if (this.#writes.length > 0) this.#timer = this.#clock.after(0, () => this.#writeSlice());
  }

  #write(untilMs: number): void {
    this.#database.transaction(() => {
      while (this.#next < this.#writes.length) {
        this.#writes[this.#next++]?.();
        if (this.#clock.monotonicMs() >= untilMs) return;
      }
    })();
    if (this.#next < this.#writes.length) return;
    this.#writes = [];
    this.#next = 0;
  }
}
