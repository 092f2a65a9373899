import type { Clock, Timer } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import { Rate } from '../../../common/rate.ts';

/** So many seconds' worth of refusals are saved up. */
const BURST_S = 5;
/** How much later the others are answered, in milliseconds, at least, and at most so much more: less than clients wait for an answer, and not all at once. */
const LATER_MS = 2_000;
const SPREAD_MS = 2_000;
/** How often addresses are forgotten that have saved up everything, in milliseconds. */
const FORGET_MS = 10_000;
/** Of so many addresses it is remembered what they were refused; beyond that whoever came first begins anew. */
const MAX_ADDRESSES = 100_000;

/**
 * When refusals are answered: at once, as long as an address gets few of them. Who asks again as soon as it is refused would be refused thousands of times in a second, each of
 * which costs others a tenth of a millisecond; a connection has a hundred streams at first, and no more while its calls are refused.
 */
export class RefusalPace {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rate: Rate;
  /** By address, see {@link Rate}. */
  readonly #fullAtMs = new Map<string, number>();
  readonly #waiting = new Set<Timer>();
  readonly #timer: Timer;

  /** @param perSecond refusals of an address that are answered at once; Infinity: all */
  constructor(clock: Clock, random: Random, perSecond: number) {
    this.#clock = clock;
    this.#random = random;
    this.#rate = new Rate(perSecond, BURST_S * perSecond);
    this.#timer = clock.every(FORGET_MS, () => this.#forget());
  }

  /** Has somebody at an address told that it is refused: now, or later. */
  answer(address: string, answer: () => void): void {
    const next = this.#rate.spend(this.#fullAtMs.get(address) ?? -Infinity, this.#clock.monotonicMs());
    if (next !== undefined) {
      this.#remember(address, next);
      return answer();
    }
    const timer = this.#clock.after(LATER_MS + SPREAD_MS * this.#random(), () => {
      this.#waiting.delete(timer);
      answer();
    });
    this.#waiting.add(timer);
  }

  /** Those that wait are told nothing any more. */
  close(): void {
    this.#timer.cancel();
    for (const timer of this.#waiting) timer.cancel();
    this.#waiting.clear();
  }

  #remember(address: string, fullAtMs: number): void {
    const [first] = this.#fullAtMs.keys();
    if (first !== undefined && this.#fullAtMs.size >= MAX_ADDRESSES) this.#fullAtMs.delete(first);
    this.#fullAtMs.set(address, fullAtMs);
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [address, fullAtMs] of this.#fullAtMs) if (fullAtMs <= nowMs) this.#fullAtMs.delete(address);
  }
}
