import type { Clock, Timer } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import { Rate } from '../../../common/rate.ts';
import { Spendings } from '../../../common/spendings.ts';

/** So many seconds' worth of refusals are saved up. */
const BURST_S = 5;
/** How much later the others are answered, in milliseconds, at least, and at most so much more: less than clients wait for an answer, and not all at once. */
const LATER_MS = 2_000;
const SPREAD_MS = 2_000;

/**
 * When refusals are answered: at once, as long as an address gets few of them. Who asks again as soon as it is refused would be refused thousands of times in a second, each of
 * which costs others a tenth of a millisecond; a connection has a hundred streams at first, and no more while its calls are refused.
 */
export class RefusalPace {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #rate: Rate;
  /** By address. */
  readonly #spendings: Spendings;
  /** Those that are told later. */
  readonly #waiting = new Map<Timer, () => void>();
  #released = false;

  /** @param perSecond refusals of an address that are answered at once; Infinity: all */
  constructor(clock: Clock, random: Random, perSecond: number) {
    this.#clock = clock;
    this.#random = random;
    this.#rate = new Rate(perSecond, BURST_S * perSecond);
    this.#spendings = new Spendings(clock);
  }

  /** Has somebody at an address told that it is refused: now, or later. */
  answer(address: string, answer: () => void): void {
    if (this.#released || this.#mayNow(address)) return answer();
    const timer = this.#clock.after(LATER_MS + SPREAD_MS * this.#random(), () => {
      this.#waiting.delete(timer);
      answer();
    });
    this.#waiting.set(timer, answer);
  }

  /** The gateway goes: all that wait are told now, and from now on everybody at once. */
  release(): void {
    this.#released = true;
    for (const [timer, answer] of this.#waiting) {
      timer.cancel();
      answer();
    }
    this.#waiting.clear();
  }

  /** Those that wait are told nothing any more. */
  close(): void {
    this.#spendings.close();
    for (const timer of this.#waiting.keys()) timer.cancel();
    this.#waiting.clear();
  }

  #mayNow(address: string): boolean {
    const next = this.#rate.spend(this.#spendings.of(address), this.#clock.monotonicMs());
    if (next !== undefined) this.#spendings.note(address, next);
    return next !== undefined;
  }
}
