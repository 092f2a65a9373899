import type { Clock, Timer } from '../../common/clock.ts';
import { Rate } from '../../common/rate.ts';
import type { TokenLimits } from '../auth/limits.ts';
import { Failure } from './failure.ts';

/** What is saved up while nothing is done: as many as may come in so many seconds, and one at least. */
const BURST_S = 10;
/** How often those are forgotten that have saved up everything, in milliseconds. */
const FORGET_MS = 10_000;
/** Of so many users it is remembered what they did; beyond that whoever came first begins anew. */
const MAX_SPENDERS = 100_000;

/** So often one user is refused before his streams are not read for a while after each further time. */
const REFUSALS = new Rate(20, 200);
const PAUSE_MS = 1_000;

/** What is counted: joins, reads of rooms (GetRoom and Pull), publishes in all, of these ephemeral ones, and those of one type. */
export type Counted = 'join' | 'read' | 'publish' | 'ephemeral' | `publish:${string}`;

/** How often a second each user may do what is counted, unless a token says otherwise; Infinity: any number. Types of publishes have no limit but a token's. */
export type UserLimits = Readonly<Record<'join' | 'read' | 'publish' | 'ephemeral', number>>;

/** Who does something that counts: a user, or a stream or connection where nobody is asked for a token. */
export interface Spender {
  readonly name: string;
  /** What the token says. */
  readonly limits: TokenLimits | undefined;
}

const PLURALS: Readonly<Record<keyof UserLimits, string>> = {
  join: 'joins',
  read: 'reads of rooms',
  publish: 'publishes',
  ephemeral: 'ephemeral messages',
};

/**
 * How much each user does, over all of his streams and calls at this process: more than he may is refused. Only who has done something lately costs
 * memory.
 */
export class UserRates {
  readonly #limits: UserLimits;
  readonly #clock: Clock;
  /** By spender and limit: when everything is saved up again, see {@link Rate}. */
  readonly #spent = new Map<string, Map<Counted | 'refused', number>>();
  readonly #timer: Timer;

  constructor(limits: UserLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#timer = clock.every(FORGET_MS, () => this.#sweep());
  }

  /** Those that are remembered. */
  get spenders(): number {
    return this.#spent.size;
  }

  /**
   * Counts something against all limits that it falls under, or if one is exceeded, against none.
   * @throws Failure RATE_LIMITED
   */
  spend({ name, limits }: Spender, ...counted: readonly Counted[]): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#spent.get(name);
    const after: [Counted, number][] = [];
    for (const what of counted) {
      const perSecond = limits?.get(what) ?? this.#usual(what);
      if (perSecond === Infinity) continue;
      const rate = new Rate(perSecond, BURST_S * perSecond);
      const fullAtMs = before?.get(what) ?? -Infinity;
      const next = rate.spend(fullAtMs, nowMs);
      if (next === undefined) {
        const waitMs = rate.waitMs(fullAtMs, nowMs);
        throw tooMany(what, perSecond, waitMs, this.#refused(name, nowMs) ? 0 : PAUSE_MS);
      }
      after.push([what, next]);
    }
    if (after.length === 0) return;
    const spent = before ?? this.#remember(name);
    for (const [what, next] of after) spent.set(what, next);
  }

  #usual(what: Counted): number {
    return isUsual(what) ? this.#limits[what] : Infinity;
  }

  close(): void {
    this.#timer.cancel();
  }

  /** Counts a refusal. False: there were too many. */
  #refused(name: string, nowMs: number): boolean {
    const spent = this.#spent.get(name) ?? this.#remember(name);
    const next = REFUSALS.spend(spent.get('refused') ?? -Infinity, nowMs);
    if (next !== undefined) spent.set('refused', next);
    return next !== undefined;
  }

  #remember(name: string): Map<Counted | 'refused', number> {
    const [first] = this.#spent.keys();
    if (first !== undefined && this.#spent.size >= MAX_SPENDERS) this.#spent.delete(first);
    const spent = new Map<Counted | 'refused', number>();
    this.#spent.set(name, spent);
    return spent;
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, spent] of this.#spent)
      if ([...spent.values()].every((fullAtMs) => fullAtMs <= nowMs)) this.#spent.delete(name);
  }
}

function isUsual(what: Counted): what is keyof UserLimits {
  return Object.hasOwn(PLURALS, what);
}

function tooMany(what: Counted, perSecond: number, retryAfterMs: number, pauseMs: number): Failure {
  const things = isUsual(what) ? PLURALS[what] : `${what.slice('publish:'.length)}s`;
  const text = `too many ${things}: ${perSecond} a second are allowed, wait ${retryAfterMs} ms`;
  return new Failure('RATE_LIMITED', text, { retryAfterMs, pauseMs });
}
