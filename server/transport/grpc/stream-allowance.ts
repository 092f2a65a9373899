import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';

/** Streams that a new connection may have open at once: what HTTP/2 advises at least (RFC 9113, section 6.5.2), and what proxies expect. */
const AT_FIRST = 100;
/** With every so many calls that were served, a connection may have more open. */
const STEP = 50;
const MORE_A_STEP = 100;
/** So many of its first calls are not counted: most viewers have a connection for themselves, and nothing is to be kept for it. */
const UNCOUNTED = 25;

/**
 * How many streams a connection may have open at once. A new one may have few: one read brings thousands of calls, HTTP/2 refuses what is too many at almost no cost, and
 * whatever it accepts costs memory and time when it comes and when its connection goes, before anybody could look at it. As its calls are served, it may have more; those that are
 * refused, or do not say what they want, are no reason.
 */
export class StreamAllowance {
  readonly #most: number;
  readonly #served = new WeakMap<ServerHttp2Session, number>();

  /** @param most that any connection may have open */
  constructor(most: number) {
    this.#most = most;
  }

  get atFirst(): number {
    return Math.min(AT_FIRST, this.#most);
  }

  /** Its call gets an answer that is no refusal. To be called once for each. */
  served({ id = 0, session }: Pick<ServerHttp2Stream, 'id' | 'session'>): void {
    if (id < 2 * UNCOUNTED || session === undefined || session.destroyed) return;
    const server = session as ServerHttp2Session;
    const count = (this.#served.get(server) ?? 0) + 1;
    this.#served.set(server, count);
    const before = AT_FIRST + (count / STEP - 1) * MORE_A_STEP;
    if (count % STEP === 0 && before < this.#most)
      server.settings({ maxConcurrentStreams: Math.min(this.#most, before + MORE_A_STEP) });
  }
}
