import { status } from '../../protos/status-codes.ts';
import { LiveError } from './errors.ts';
import type { Logger } from './logger.ts';

/**
 * A token (JWT) that says who the viewer is, or a function that gets one, from the application's own backend for example. The function is asked when
 * a token is needed for the first time, and again when the last one is about to end, or has.
 */
export type TokenSource = string | (() => string | Promise<string>);

/** The tokens of a client, or of a room: the last one, as long as it is good. */
export class Tokens {
  readonly #source: TokenSource | undefined;
  #current: string | Promise<string> | undefined;

  /** @param source undefined: there are none, and none are needed */
  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /**
   * The token to use now, without a promise if there is no need to wait.
   * @throws LiveError (also as a rejection) UNAVAILABLE if the application's function fails; that of the function, if it throws one
   */
  get(): string | undefined | Promise<string> {
    if (typeof this.#source !== 'function') return this.#source;
    this.#current ??= this.#ask(this.#source);
    return this.#current;
  }

  /**
   * The last one is of no use any more. Whether there can be another.
   * @param refused what was said of this one only, which may have been replaced since
   */
  forget(refused?: string): boolean {
    if (refused === undefined || this.#current === refused) this.#current = undefined;
    return typeof this.#source === 'function';
  }

  /**
   * Gets another token in place of the last, before that ends. Where there is none the gateway ends in time what depends on it, and says why.
   * @param send hands the new one to the gateway
   */
  renew(logger: Logger, send: (token: string) => void): void {
    if (!this.forget()) return;
    Promise.resolve(this.get()).then(
      (token) => send(token ?? ''),
      (cause: unknown) => logger.warn('there is no new token, and the last one is about to end', { cause }),
    );
  }

  #ask(source: () => string | Promise<string>): Promise<string> {
    const asked: Promise<string | null | undefined> = Promise.resolve().then(source);
    const answer: Promise<string> = asked.then(
      (given) => {
        // An application without types may give nothing: that is no token, but it is an answer.
        const token = given ?? '';
        if (this.#current === answer) this.#current = token;
        return token;
      },
      (cause: unknown) => {
        if (this.#current === answer) this.#current = undefined;
        throw cause instanceof LiveError ? cause : noToken(cause);
      },
    );
    // Whoever waits for it is told; nobody may.
    answer.catch(() => undefined);
    return answer;
  }
}

/** What is told where the application gives no token. */
export function noToken(cause: unknown): LiveError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new LiveError(status.UNAVAILABLE, `the application has no token: ${detail}`, { cause });
}
