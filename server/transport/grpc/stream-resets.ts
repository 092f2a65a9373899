import { constants } from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../../common/clock.ts';
import { Rate } from '../../../common/rate.ts';

/**
 * Fewer than HTTP/2 takes of a connection, which are 1,000 and 33 more with each whole second (nghttp2; Node has no option for it): with one more it breaks with the
 * connection (GOAWAY, INTERNAL_ERROR), reads no more of it and leaves it open.
 */
const RESETS = { perSecond: 30, atOnce: 950 };
/** Calls with more headers than may be, of a connection that has not acknowledged how many. Each takes 64 KiB and the time to read them. */
const OVERSIZED = { perSecond: 1, atOnce: 10 };
/** Of these, calls that were reset before they were begun with: hardly any client does that, and many of them are an attack (CVE-2023-44487). */
const EARLY = { perSecond: 10, atOnce: 100 };

/**
 * Counts the streams that were reset by their connections. Behind a proxy it may be one viewer who resets and hundreds who do not, so a connection that has used up
 * its resets takes no new streams (GOAWAY, NO_ERROR), and those that it has go on.
 */
export class StreamResets {
  readonly #clock: Clock;
  readonly #exceeded: (session: ServerHttp2Session) => void;
  readonly #resets = new Budget(RESETS);
  readonly #early = new Budget(EARLY);
  readonly #oversized = new Budget(OVERSIZED);

  /** @param exceeded is told of a connection that is to take no more streams */
  constructor(clock: Clock, exceeded: (session: ServerHttp2Session) => void) {
    this.#clock = clock;
    this.#exceeded = exceeded;
  }

  watch(stream: ServerHttp2Stream): void {
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return;
    stream.on('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#spend(this.#resets, session);
    });
  }

  /** A call was reset before it was begun with. */
  early(session: ServerHttp2Session): void {
    this.#spend(this.#early, session);
  }

  /** A call is refused for its headers. */
  oversized(session: ServerHttp2Session): void {
    this.#spend(this.#oversized, session);
  }

  #spend(budget: Budget, session: ServerHttp2Session): void {
    if (session.closed || session.destroyed || budget.spend(session, this.#clock.monotonicMs())) return;
    this.#exceeded(session);
  }
}

/** What each connection may do so often. */
class Budget {
  readonly #rate: Rate;
  /** Of connections that have done it, see {@link Rate}. */
  readonly #fullAtMs = new WeakMap<ServerHttp2Session, number>();

  constructor({ perSecond, atOnce }: { readonly perSecond: number; readonly atOnce: number }) {
    this.#rate = new Rate(perSecond, atOnce);
  }

  /** Whether it may. */
  spend(session: ServerHttp2Session, nowMs: number): boolean {
    const fullAtMs = this.#rate.spend(this.#fullAtMs.get(session) ?? -Infinity, nowMs);
    if (fullAtMs !== undefined) this.#fullAtMs.set(session, fullAtMs);
    return fullAtMs !== undefined;
  }
}
