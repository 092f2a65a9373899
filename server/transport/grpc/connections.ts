import type { Http2Session } from 'node:http2';
import type { CarrierConnection } from '../../session/carrier.ts';

/** The HTTP/2 connections that streams come by: one object for each, made when it is asked for. */
export class Connections {
  readonly #connections = new WeakMap<Http2Session, CarrierConnection>();

  of(session: Http2Session): CarrierConnection {
    const known = this.#connections.get(session);
    if (known !== undefined) return known;
    const connection = { proveAlive: (proven: () => void) => ping(session, proven) };
    this.#connections.set(session, connection);
    return connection;
  }
}

/** What answers a PING has taken what was sent before it. */
function ping(session: Http2Session, proven: () => void): void {
  session.once('close', proven);
  // One more than may wait for their answers is not sent; then those decide.
  const sent = session.ping((error) => {
    session.off('close', proven);
    if (error === null) proven();
  });
  if (!sent) proven();
}
