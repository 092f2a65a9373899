import type { IncomingMessage } from 'node:http';

/** Any origin. */
export const ANY_ORIGIN = '*';

/**
 * From which web pages browsers may use the gateway: they say so in the header Origin, which a page cannot make up. Who sends none is no browser, or its own page's.
 */
export class AllowedOrigins {
  #allowed: ReadonlySet<string> | undefined;

  /** @param allowed origins as browsers write them, or {@link ANY_ORIGIN}; absent: those of the host that the request is for */
  constructor(allowed: readonly string[] | undefined) {
    this.#allowed = allowed && new Set(allowed);
  }

  /** Others are allowed from now on, of what comes then. */
  replace(allowed: readonly string[] | undefined): void {
    this.#allowed = allowed && new Set(allowed);
  }

  allows({ headers: { origin, host } }: IncomingMessage): boolean {
    if (origin === undefined) return true;
    if (this.#allowed !== undefined) return this.#allowed.has(ANY_ORIGIN) || this.#allowed.has(origin);
    return host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
  }
}
