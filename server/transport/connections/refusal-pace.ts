import type { Clock, Timer } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import { Rate } from '../../../common/rate.ts';
import { Spendings } from '../../../common/spendings.ts';

/** So many seconds' worth of refusals are saved up. */
const BURST_S = 5;
/** How much later the others are answered, in milliseconds, at least, and at most so much more: not all at once. */
const LATER_MS = 2_000;
const SPREAD_MS = 2_000;
/** With every so many that wait at an address the next waits longer by as much again, up to so many times: 16 s, which most clients wait for an answer. */
const CROWD = 200;
const MOST_TIMES = 4;

/** Who is to be told that it is refused. */
export interface Refused {
  once(event: 'close', gone: () => void): unknown;
}

interface Waiting {
  readonly timer: Timer;
  readonly answer: () => void;
}

/** Those at one address that are told later. */
type Crowd = Map<Refused, Waiting>;

/**
 * When refusals are answered: at once, as long as an address gets few of them. Who asks again as soon as it is refused would be refused thousands of times in a second, each of
 * which costs others a tenth of a millisecond; a connection has a hundred streams at first, and no more while its calls are refused.
 */
export class RefusalPace {
  readonly #clock: Clock;
  readonly #random: Random;
  #rate: Rate;
  /** By address. */
  readonly #spendings: Spendings;
  /** By address; none is empty. */
  readonly #crowds = new Map<string, Crowd>();
  #released = false;

  /** @param perSecond refusals of an address that are answered at once; Infinity: all */
  constructor(clock: Clock, random: Random, perSecond: number) {
    this.#clock = clock;
    this.#random = random;
    this.#rate = rateOf(perSecond);
    this.#spendings = new Spendings(clock);
  }

  /** So many refusals a second are answered at once from now on. */
  limit(perSecond: number): void {
    this.#rate = rateOf(perSecond);
  }

  /** Addresses at which somebody waits to be told. */
  get crowds(): number {
    return this.#crowds.size;
  }

  /** Has somebody at an address told that it is refused: now, or later, unless it is gone then. */
  answer(address: string, refused: Refused, answer: () => void): void {
    if (this.#released || this.#mayNow(address)) return answer();
    const crowd: Crowd = this.#crowds.get(address) ?? new Map<Refused, Waiting>();
    this.#crowds.set(address, crowd);
    // Refused once more, because its deadline has passed: it is told the first reason.
    if (crowd.has(refused)) return;
    const timer = this.#clock.after(this.#laterMs(crowd.size), () => {
      this.#leave(address, refused);
      answer();
    });
    crowd.set(refused, { timer, answer });
    refused.once('close', () => this.#leave(address, refused));
  }

  /** The gateway goes: all that wait are told now, and from now on everybody at once. */
  release(): void {
    this.#released = true;
    for (const { answer } of this.#takeAll()) answer();
  }

  /** Those that wait are told nothing any more. */
  close(): void {
    this.#spendings.close();
    this.#takeAll();
  }

  #mayNow(address: string): boolean {
    const next = this.#rate.spend(this.#spendings.of(address), this.#clock.monotonicMs());
    if (next !== undefined) this.#spendings.note(address, next);
    return next !== undefined;
  }

  /** @param before how many wait already */
  #laterMs(before: number): number {
    return (LATER_MS + SPREAD_MS * this.#random()) * Math.min(MOST_TIMES, 1 + before / CROWD);
  }

  #leave(address: string, refused: Refused): void {
    const crowd = this.#crowds.get(address);
    crowd?.get(refused)?.timer.cancel();
    crowd?.delete(refused);
    if (crowd?.size === 0) this.#crowds.delete(address);
  }

  /** Nobody waits any more; those that did. */
  #takeAll(): Waiting[] {
    const all = [...this.#crowds.values()].flatMap((crowd) => [...crowd.values()]);
    for (const { timer } of all) timer.cancel();
    this.#crowds.clear();
    return all;
  }
}

const rateOf = (perSecond: number): Rate => new Rate(perSecond, BURST_S * perSecond);
