import type { Clock } from '../../common/clock.ts';
import type { Logger } from '../observability/logging.ts';
import type { BucketEntry, BucketReader } from '../upstream/bucket.ts';
import { excludedBy } from './exclusion-key.ts';
import type { ExclusionTerm } from './exclusion-term.ts';
import { parseTerm } from './exclusion-term.ts';
import type { TokenBearer } from './token-error.ts';
import { TokenError } from './token-error.ts';

/** Users whose streams are to end, whoever they are otherwise. */
export type Disconnected = ReadonlySet<string>;

/** Who is told that somebody else is excluded than before. */
export type ExclusionsListener = (disconnected: Disconnected) => void;

const FOR_GOOD: ExclusionTerm = { untilMs: Infinity, reason: '' };

/**
 * Who is excluded although his token is good: users that are banned, and tokens that are revoked, as the bucket has them. One whose time is over excludes nobody,
 * and stays where it is.
 */
export class Exclusions implements BucketReader {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #bans = new Map<string, ExclusionTerm>();
  #tokens = new Map<string, ExclusionTerm>();
  /** The last time that each user was disconnected, by its revision: what was known before is not done again. */
  #disconnects = new Map<string, number>();
  readonly #listeners = new Set<ExclusionsListener>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Bans and revocations that are kept, also those whose time is over. */
  get count(): number {
    return this.#bans.size + this.#tokens.size;
  }

  /**
   * Does nothing for whom nothing excludes.
   * @throws TokenError USER_BANNED, TOKEN_REVOKED
   */
  require({ user, tokenId }: TokenBearer): void {
    const bearer = { user, tokenId };
    const ban = this.#inForce(this.#bans, user);
    if (ban !== undefined) throw new TokenError('USER_BANNED', banText(ban), { bearer });
    const revoked = this.#inForce(this.#tokens, tokenId);
    if (revoked !== undefined)
      throw new TokenError(
        'TOKEN_REVOKED',
        `the token was revoked${because(revoked)}: come again with another one`,
        { bearer },
      );
  }

  /** Calls `listener` when somebody else is excluded than before, until the returned function is called. */
  onChange(listener: ExclusionsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** See {@link BucketReader}. */
  replaced(entries: readonly BucketEntry[]): void {
    const before = this.#disconnects;
    this.#bans = new Map();
    this.#tokens = new Map();
    this.#disconnects = new Map();
    this.#take(entries, before);
  }

  /** See {@link BucketReader}. */
  changed(entries: readonly BucketEntry[]): void {
    this.#take(entries, new Map(this.#disconnects));
  }

  #take(entries: readonly BucketEntry[], before: ReadonlyMap<string, number>): void {
    for (const entry of entries) this.#enter(entry);
    const disconnected = new Set<string>();
    for (const [user, revision] of this.#disconnects)
      if (before.get(user) !== revision) disconnected.add(user);
    for (const listener of this.#listeners) listener(disconnected);
  }

  #enter({ key, revision, value }: BucketEntry): void {
    const excluded = excludedBy(key);
    if (excluded === undefined) {
      this.#logger.warn({ key }, 'a key of the bucket of bans makes no sense: it excludes nobody');
      return;
    }
    const { kind, name } = excluded;
    if (kind === 'disconnect') {
      if (value === undefined) this.#disconnects.delete(name);
      else this.#disconnects.set(name, revision);
      return;
    }
    const terms = kind === 'ban' ? this.#bans : this.#tokens;
    if (value === undefined) terms.delete(name);
    else terms.set(name, this.#termOf(key, value));
  }

  /** Somebody wanted him to be excluded: that it was written badly lets nobody in. */
  #termOf(key: string, value: string): ExclusionTerm {
    try {
      return parseTerm(value);
    } catch (error) {
      this.#logger.warn(
        { err: error, key },
        'a value of the bucket of bans makes no sense: taken as for good',
      );
      return FOR_GOOD;
    }
  }

  #inForce(terms: ReadonlyMap<string, ExclusionTerm>, name: string | undefined): ExclusionTerm | undefined {
    const term = name === undefined ? undefined : terms.get(name);
    return term !== undefined && this.#clock.wallMs() < term.untilMs ? term : undefined;
  }
}

const because = ({ reason }: ExclusionTerm): string => (reason === '' ? '' : ` (${reason})`);

function banText(term: ExclusionTerm): string {
  const { untilMs } = term;
  const until = untilMs === Infinity ? 'for good' : `until ${new Date(untilMs).toISOString()}`;
  return `the user is banned ${until}${because(term)}`;
}
