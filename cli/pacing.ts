import type { Clock } from '../common/clock.ts';
import { sleep } from '../common/sleep.ts';

/** When the next message is due. */
export type Pace =
  /** At once. */
  | { readonly kind: 'none' }
  | { readonly kind: 'rate'; readonly perSecond: number }
  /** At the offsets that the messages carry, counted from the first. */
  | { readonly kind: 'offsets' };

/** Holds messages back until they are due. Lateness does not add up: every due time counts from the start. */
export class Pacer {
  readonly #pace: Pace;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #startedAt: number | undefined;
  #firstOffset: number | undefined;
  #count = 0;

  constructor(pace: Pace, clock: Clock, signal: AbortSignal) {
    this.#pace = pace;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Counts from now on: the time that it took to reach a gateway is nobody's pace. */
  restart(): void {
    this.#startedAt = this.#clock.monotonicMs();
  }

  /** Resolves when the next message is due, or when the signal is aborted. */
  async due(offsetMs: number | undefined): Promise<void> {
    this.#startedAt ??= this.#clock.monotonicMs();
    const dueAt = this.#startedAt + this.#offset(offsetMs);
    const waitMs = dueAt - this.#clock.monotonicMs();
    await sleep(this.#clock, waitMs, this.#signal);
  }

  #offset(given: number | undefined): number {
    switch (this.#pace.kind) {
      case 'none':
        return 0;
      case 'rate':
        return (this.#count++ * 1_000) / this.#pace.perSecond;
      case 'offsets':
        if (given === undefined) return 0;
        this.#firstOffset ??= given;
        return given - this.#firstOffset;
    }
  }
}
