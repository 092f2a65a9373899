import type { CompactJWSHeaderParameters, CryptoKey, FlattenedJWSInput, JSONWebKeySet } from 'jose';
import { createLocalJWKSet, errors } from 'jose';
import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffCeiling } from '../../common/backoff.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Logger } from '../observability/logging.ts';
import type { KeySource } from './key-source.ts';
import { PUBLIC_ALGORITHMS } from './key-source.ts';
import { TokenError } from './token-error.ts';

/** From one look at the key set to the next. */
const REFRESH_MS = 300_000;
const RETRY: BackoffLimits = { baseMs: 1_000, maxMs: 60_000 };
/** An unknown key makes us look at once, but not more often than this: anybody can name keys that do not exist. */
const COOLDOWN_MS = 10_000;
const FETCH_MS = 5_000;
const MAX_BYTES = 1024 * 1024;

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

/**
 * The keys of an issuer, at a URL (JWK Set, RFC 7517). What was had once serves until there is something newer: an outage of the issuer
 * locks nobody out whose token is signed with a key that is known.
 */
export class JwksKeys implements KeySource {
  readonly algorithms = PUBLIC_ALGORITHMS;
  readonly #url: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #keys: LocalKeys | undefined;
  #confirmedMs: number | undefined;
  #askedMs = -Infinity;
  #failures = 0;
  #asking: Promise<void> | undefined;
  #timer: Timer | undefined;
  readonly #closed = new AbortController();

  constructor(url: string, clock: Clock, logger: Logger) {
    this.#url = url;
    this.#clock = clock;
    this.#logger = logger;
  }

  get ageMs(): number | undefined {
    return this.#confirmedMs === undefined ? undefined : this.#clock.monotonicMs() - this.#confirmedMs;
  }

  /** Looks for the first time; resolves whether or not the keys can be had. */
  start(): Promise<void> {
    return this.#refresh();
  }

  async key(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    try {
      return await this.#known(header, token);
    } catch (error) {
      const unknown = error instanceof errors.JWKSNoMatchingKey || error instanceof TokenError;
      const lately = this.#asking === undefined && this.#clock.monotonicMs() - this.#askedMs < COOLDOWN_MS;
      if (!unknown || lately) throw error;
    }
    await this.#refresh();
    return this.#known(header, token);
  }

  close(): void {
    this.#closed.abort();
    this.#timer?.cancel();
  }

  async #known(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#keys === undefined)
      throw new TokenError(
        'AUTHENTICATION_UNAVAILABLE',
        'the keys of the issuer cannot be had now: try again later',
      );
    return this.#keys(header, token);
  }

  /** One question at a time, whoever asks. */
  #refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<void> {
    this.#askedMs = this.#clock.monotonicMs();
    this.#timer?.cancel();
    try {
      this.#keys = createLocalJWKSet(await this.#fetch());
      this.#confirmedMs = this.#clock.monotonicMs();
      this.#failures = 0;
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      const consequence = this.#keys === undefined ? 'nobody can be let in' : 'those that are known serve on';
      this.#logger.warn(
        { err: error, url: this.#url },
        `the keys of the issuer cannot be had: ${consequence}`,
      );
      this.#failures += 1;
    }
    const delayMs = this.#failures === 0 ? REFRESH_MS : backoffCeiling(this.#failures - 1, RETRY);
    if (!this.#closed.signal.aborted) this.#timer = this.#clock.after(delayMs, () => void this.#refresh());
  }

  async #fetch(): Promise<JSONWebKeySet> {
    const givenUp = new AbortController();
    const giveUp = (): void => givenUp.abort(new Error(`no answer within ${FETCH_MS} ms`));
    const timer = this.#clock.after(FETCH_MS, giveUp);
    this.#closed.signal.addEventListener('abort', giveUp);
    try {
      const response = await fetch(this.#url, {
        signal: givenUp.signal,
        headers: { accept: 'application/json' },
      });
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      return parseKeySet(await textOf(response));
    } finally {
      timer.cancel();
      this.#closed.signal.removeEventListener('abort', giveUp);
    }
  }
}

/** @throws when it is larger than any key set */
async function textOf({ body }: Response): Promise<string> {
  let text = '';
  for await (const part of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
  }
  return text;
}

/** @throws when it is no key set, or has no key that is taken */
function parseKeySet(text: string): JSONWebKeySet {
  const set = JSON.parse(text) as Partial<JSONWebKeySet> | null;
  if (!Array.isArray(set?.keys)) throw new Error('not a JWK Set: it has no list of keys');
  // A secret in a public place is none: symmetric keys are never looked at.
  const keys = set.keys.filter(({ kty }) => kty !== 'oct');
  if (keys.length === 0) throw new Error('a JWK Set without public keys');
  return { keys };
}
