import { constants } from 'node:http2';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../../common/clock.ts';
import { Rate } from '../../../common/rate.ts';

/**
 * Fewer than HTTP/2 takes of a connection, which are 1,000 and 33 more with each whole second (nghttp2; Node has no option for it): with one more it breaks with the
 * connection (GOAWAY, INTERNAL_ERROR), reads no more of it and leaves it open.
 */
const RESETS = { perSecond: 30, atOnce: 950 };

/**
 * Counts the streams that were reset by their connections. Behind a proxy it may be one viewer who resets and hundreds who do not, so a connection that has used up
 * its resets takes no new streams (GOAWAY, NO_ERROR), and those that it has go on.
 */
export class StreamResets {
  readonly #clock: Clock;
  readonly #retired: (session: ServerHttp2Session) => void;
  readonly #rate = new Rate(RESETS.perSecond, RESETS.atOnce);
  /** Of connections with resets, see {@link Rate}. */
  readonly #fullAtMs = new WeakMap<ServerHttp2Session, number>();

  /** @param retired is told of a connection that takes no more streams */
  constructor(clock: Clock, retired: (session: ServerHttp2Session) => void) {
    this.#clock = clock;
    this.#retired = retired;
  }

  watch(stream: ServerHttp2Stream): void {
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return;
    stream.on('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#count(session);
    });
  }

  #count(session: ServerHttp2Session): void {
    if (session.closed || session.destroyed) return;
    const fullAtMs = this.#rate.spend(this.#fullAtMs.get(session) ?? -Infinity, this.#clock.monotonicMs());
    if (fullAtMs !== undefined) {
      this.#fullAtMs.set(session, fullAtMs);
      return;
    }
    this.#retired(session);
    session.close();
  }
}
