import type { ServerHttp2Stream } from 'node:http2';

/** Streams that a new connection may have open at once: what HTTP/2 advises at least (RFC 9113, section 6.5.2), and what proxies expect. */
const AT_FIRST = 100;
/** With every so many calls that were begun with, a connection may have more open. */
const STEP = 50;
const MORE_A_STEP = 100;

/**
 * How many streams a connection may have open at once. A new one may have few: one read brings thousands of calls, HTTP/2 refuses what is too many at almost no cost, and
 * whatever it accepts costs memory and time when it comes and when its connection goes, before anybody could look at it. As its calls are begun with, it may have more.
 */
export class StreamAllowance {
  readonly #most: number;

  /** @param most that any connection may have open */
  constructor(most: number) {
    this.#most = most;
  }

  get atFirst(): number {
    return Math.min(AT_FIRST, this.#most);
  }

  /** A call is begun with. Its number tells how many its connection has had: nothing has to be kept for each. */
  begun({ id, session }: ServerHttp2Stream): void {
    const count = ((id ?? 0) + 1) / 2;
    if (count % STEP !== 0 || session === undefined || session.destroyed) return;
    const before = AT_FIRST + (count / STEP - 1) * MORE_A_STEP;
    if (before >= this.#most) return;
    session.settings({ maxConcurrentStreams: Math.min(this.#most, before + MORE_A_STEP) });
  }
}
