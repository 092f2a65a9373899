import type { Clock } from '../../common/clock.ts';
import { Rate } from '../../common/rate.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import type { TokenLimits } from '../auth/limits.ts';
import { Failure } from './failure.ts';

/** What is saved up while nothing is published: as many as may come in so many seconds, and one at least. */
const BURST_S = 10;
/** How often those are forgotten that have saved up everything, in milliseconds: when somebody else publishes. */
const FORGET_MS = 10_000;
/** Who publishes is remembered of so many; beyond that whoever came first begins anew. */
const MAX_SPENDERS = 100_000;

/** Publishes a second of one user, unless a token says otherwise; Infinity: any number. */
export interface PublishLimits {
  readonly all: number;
  readonly ephemeral: number;
}

/** A publish that counts. */
export interface Spending {
  /** Who publishes. */
  readonly spender: string;
  /** What the token says. */
  readonly limits: TokenLimits | undefined;
  readonly type: string;
  readonly deliveryClass: DeliveryClass;
}

/**
 * How much each user publishes, over all of his streams and calls at this process: more than he may is refused. Only who has published lately costs
 * memory.
 */
export class PublishRates {
  readonly #limits: PublishLimits;
  readonly #clock: Clock;
  /** By spender and limit: when everything is saved up again, see {@link Rate}. */
  readonly #spent = new Map<string, Map<string, number>>();
  #sweptMs: number;

  constructor(limits: PublishLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#sweptMs = clock.monotonicMs();
  }

  /** Those that are remembered. */
  get spenders(): number {
    return this.#spent.size;
  }

  /**
   * Counts a publish: against all limits that it falls under, or if one is exceeded, against none.
   * @throws Failure RATE_LIMITED
   */
  spend(spending: Spending): void {
    const nowMs = this.#clock.monotonicMs();
    const { spender, type } = spending;
    const before = this.#spent.get(spender);
    const after: [string, number][] = [];
    for (const [name, perSecond] of this.#limitsOf(spending)) {
      const rate = new Rate(perSecond, BURST_S * perSecond);
      const fullAtMs = before?.get(name) ?? -Infinity;
      const next = rate.spend(fullAtMs, nowMs);
      if (next === undefined) throw tooMany(name, type, perSecond, rate.waitMs(fullAtMs, nowMs));
      after.push([name, next]);
    }
    if (after.length === 0) return;
    const spent = before ?? this.#remember(spender, nowMs);
    for (const [name, next] of after) spent.set(name, next);
  }

  #limitsOf({ limits, type, deliveryClass }: Spending): [name: string, perSecond: number][] {
    const { all, ephemeral } = this.#limits;
    const named: [string, number][] = [
      ['publish', limits?.get('publish') ?? all],
      ['ephemeral', deliveryClass === 'EPHEMERAL' ? (limits?.get('ephemeral') ?? ephemeral) : Infinity],
      [`publish:${type}`, limits?.get(`publish:${type}`) ?? Infinity],
    ];
    return named.filter(([, perSecond]) => perSecond !== Infinity);
  }

  #remember(spender: string, nowMs: number): Map<string, number> {
    if (nowMs - this.#sweptMs >= FORGET_MS) this.#sweep(nowMs);
    const [first] = this.#spent.keys();
    if (first !== undefined && this.#spent.size >= MAX_SPENDERS) this.#spent.delete(first);
    const spent = new Map<string, number>();
    this.#spent.set(spender, spent);
    return spent;
  }

  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    for (const [spender, spent] of this.#spent)
      if ([...spent.values()].every((fullAtMs) => fullAtMs <= nowMs)) this.#spent.delete(spender);
  }
}

function tooMany(name: string, type: string, perSecond: number, retryAfterMs: number): Failure {
  const what = name === 'publish' ? 'publishes' : name === 'ephemeral' ? 'ephemeral messages' : `${type}s`;
  return new Failure(
    'RATE_LIMITED',
    `too many ${what}: ${perSecond} a second are allowed, wait ${retryAfterMs} ms`,
    { retryAfterMs },
  );
}
