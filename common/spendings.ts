import type { Clock, Timer } from './clock.ts';

/** How often those are forgotten that have saved up everything, in milliseconds. */
const FORGET_MS = 10_000;
/** So many are remembered; beyond that whoever came first begins anew. */
const MOST = 100_000;

/** What was spent, by whom: the number that {@link Rate} keeps for each spender, by its name. Only who has spent something lately costs memory. */
export class Spendings {
  readonly #clock: Clock;
  readonly #fullAtMs = new Map<string, number>();
  readonly #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = clock.every(FORGET_MS, () => this.#forget());
  }

  /** Those that are remembered. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  /** A spender's number; -Infinity at first. */
  of(name: string): number {
    return this.#fullAtMs.get(name) ?? -Infinity;
  }

  /** A spender has another number now. */
  note(name: string, fullAtMs: number): void {
    if (this.#fullAtMs.size >= MOST && !this.#fullAtMs.has(name)) this.#forgetFirst();
    this.#fullAtMs.set(name, fullAtMs);
  }

  close(): void {
    this.#timer.cancel();
  }

  #forgetFirst(): void {
    const [first = ''] = this.#fullAtMs.keys();
    this.#fullAtMs.delete(first);
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, fullAtMs] of this.#fullAtMs) if (fullAtMs <= nowMs) this.#fullAtMs.delete(name);
  }
}
