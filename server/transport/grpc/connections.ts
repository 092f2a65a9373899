import type { Http2Session } from 'node:http2';
import type { CarrierConnection } from '../../session/carrier.ts';

/** The HTTP/2 connections that streams come by: one object for each, made when it is asked for. */
export class Connections {
  readonly #connections = new WeakMap<Http2Session, CarrierConnection>();

  of(session: Http2Session): CarrierConnection {
    const known = this.#connections.get(session);
    if (known !== undefined) return known;
    const connection = new Connection(session);
    this.#connections.set(session, connection);
    return connection;
  }
}

class Connection implements CarrierConnection {
  readonly #session: Http2Session;
  /** Who waits for the answer to a PING, or for the end. */
  readonly #waiting = new Set<() => void>();
  readonly #closed = (): void => {
    for (const proven of [...this.#waiting]) this.#settle(proven);
  };

  constructor(session: Http2Session) {
    this.#session = session;
  }

  /** What answers a PING has taken what was sent before it. */
  proveAlive(proven: () => void): void {
    // One for all: many streams may be ended at once.
    if (this.#waiting.size === 0) this.#session.once('close', this.#closed);
    this.#waiting.add(proven);
    // One more than may wait for their answers is not sent; then those decide.
    const sent = this.#session.ping(() => this.#settle(proven));
    if (!sent) this.#settle(proven);
  }

  /** By GOAWAY; what comes all the same is refused by HTTP/2 (REFUSED_STREAM). */
  takeNoMore(): void {
    if (!this.#session.closed) this.#session.close();
  }

  #settle(proven: () => void): void {
    if (this.#forget(proven)) proven();
  }

  #forget(proven: () => void): boolean {
    const waited = this.#waiting.delete(proven);
    if (this.#waiting.size === 0) this.#session.off('close', this.#closed);
    return waited;
  }
}
