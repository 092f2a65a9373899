import type { Clock } from '../../common/clock.ts';
import { Rate } from '../../common/rate.ts';
import { Spendings } from '../../common/spendings.ts';
import type { TokenLimits } from '../auth/limits.ts';
import { Failure } from './failure.ts';

/** What is saved up while nothing is done: as many as may come in so many seconds, and one at least. */
const BURST_S = 10;

/** So often one user is refused before his streams are not read for a while after each further time. */
const REFUSALS = new Rate(20, 200);
const PAUSE_MS = 1_000;

/** What is counted: joins, reads of rooms (GetRoom and Pull), publishes in all, of these ephemeral ones, and those of one type. */
export type Counted = 'join' | 'read' | 'publish' | 'ephemeral' | `publish:${string}`;

/** A limit that is no setting, counted under a name of its own. */
export interface OwnLimit {
  readonly key: string;
  /** Infinity: any number. */
  readonly perSecond: number;
  /** What there are too many of. */
  readonly things: string;
}

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
  #limits: UserLimits;
  readonly #clock: Clock;
  /** By what is counted and who does it. */
  readonly #spendings: Spendings;

  constructor(limits: UserLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#spendings = new Spendings(clock);
  }

  /** Other limits hold from now on. What was saved up, or spent, stays. */
  limit(limits: UserLimits): void {
    this.#limits = limits;
  }

  /** What is remembered. */
  get spendings(): number {
    return this.#spendings.size;
  }

  /**
   * Counts something against all limits that it falls under, or if one is exceeded, against none.
   * @throws Failure RATE_LIMITED
   */
  spend(spender: Spender, ...counted: readonly (Counted | OwnLimit)[]): void {
    const nowMs = this.#clock.monotonicMs();
    const after: [key: string, fullAtMs: number][] = [];
    for (const what of counted) {
      const limit = typeof what === 'string' ? this.#limit(spender, what) : what;
      const { key, perSecond } = limit;
      if (perSecond === Infinity) continue;
      const rate = new Rate(perSecond, BURST_S * perSecond);
      const fullAtMs = this.#spendings.of(key);
      const next = rate.spend(fullAtMs, nowMs);
      if (next === undefined) throw tooMany(limit, rate.waitMs(fullAtMs, nowMs), this.#pauseMs(spender.name));
      after.push([key, next]);
    }
    for (const [key, next] of after) this.#spendings.note(key, next);
  }

  close(): void {
    this.#spendings.close();
  }

  #limit({ name, limits }: Spender, what: Counted): OwnLimit {
    const usual = isUsual(what) ? this.#limits[what] : Infinity;
    const things = isUsual(what) ? PLURALS[what] : `${what.slice('publish:'.length)}s`;
    return { key: `${what} ${name}`, perSecond: limits?.get(what) ?? usual, things };
  }

  /** For how long the stream that asked for something is not read, which is refused. */
  #pauseMs(name: string): number {
    const key = `refused ${name}`;
    const next = REFUSALS.spend(this.#spendings.of(key), this.#clock.monotonicMs());
    if (next !== undefined) this.#spendings.note(key, next);
    return next === undefined ? PAUSE_MS : 0;
  }
}

function isUsual(what: Counted): what is keyof UserLimits {
  return Object.hasOwn(PLURALS, what);
}

function tooMany({ perSecond, things }: OwnLimit, retryAfterMs: number, pauseMs: number): Failure {
  const text = `too many ${things}: ${perSecond} a second are allowed, wait ${retryAfterMs} ms`;
  return new Failure('RATE_LIMITED', text, { retryAfterMs, pauseMs });
}
