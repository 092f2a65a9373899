import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2Server,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import { connect, constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Address } from '../../common/units.ts';
import { formatAddress } from '../../common/units.ts';

const HOST = '127.0.0.1';

/** A stream that nobody reads. */
export interface StuckStream {
  readonly stream: ClientHttp2Stream;
  /** Whether the target may send nothing more on the whole connection because of it. */
  readonly holdsAll: boolean;
}

/**
 * An HTTP/2 proxy on a free loopback port that puts the streams of all its clients on one connection to its target, as proxies do that
 * pool. It reads of a stream what the client takes. When the connection ends, so do the streams on it; the next one makes another.
 */
export class PoolingProxy {
  readonly #target: Address;
  readonly #server: Http2Server;
  readonly #clients = new Set<ServerHttp2Session>();
  #connection: ClientHttp2Session | undefined;
  #made = 0;

  /** Starts a proxy; resolves when it listens. */
  static async listen(target: Address): Promise<PoolingProxy> {
    const proxy = new PoolingProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen({ host: HOST, port: 0, backlog: 4096 }, resolve);
    });
    return proxy;
  }

  private constructor(target: Address) {
    this.#target = target;
    this.#server = createServer();
    this.#server.on('session', (session) => this.#adopt(session));
    this.#server.on('stream', (stream, headers) => this.#forward(stream, headers));
  }

  get address(): Address {
    return { host: HOST, port: (this.#server.address() as AddressInfo).port };
  }

  /** Connections to the target since the start. */
  get connections(): number {
    return this.#made;
  }

  /**
   * Opens a stream on the connection to the target that nobody reads. As long as it is there nothing is given back of the window that
   * the target has for the whole connection: once it has sent as much as fits, whatever for, no stream gets anything.
   */
  openStuck(headers: OutgoingHttpHeaders): StuckStream {
    const connection = this.#toTarget();
    const stream = connection.request(headers, { endStream: false });
    stream.on('error', () => undefined);
    if (connection.connecting) connection.once('connect', () => withhold(connection, stream));
    else withhold(connection, stream);
    return {
      stream,
      get holdsAll() {
        return connection.state.localWindowSize === 0;
      },
    };
  }

  /** Ends every connection; resolves when nobody listens any more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#connection?.destroy();
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  #adopt(client: ServerHttp2Session): void {
    this.#clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => this.#clients.delete(client));
  }

  #toTarget(): ClientHttp2Session {
    if (this.#connection !== undefined) return this.#connection;
    const connection = connect(`http://${formatAddress(this.#target)}`);
    const gone = (): void => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    connection.on('error', gone);
    connection.on('goaway', gone);
    connection.on('close', gone);
    this.#connection = connection;
    this.#made += 1;
    return connection;
  }

  #forward(down: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const up = this.#toTarget().request(headers, { endStream: false });
    let trailers: OutgoingHttpHeaders = {};
    up.on('response', (response, flags) => {
      if (down.destroyed) return;
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      down.respond(response, endStream ? { endStream } : { waitForTrailers: true });
    });
    up.on('trailers', (sent: IncomingHttpHeaders) => (trailers = sent));
    down.on('wantTrailers', () => down.sendTrailers(trailers));
    // What went wrong shows in how the streams are closed.
    up.on('error', () => undefined);
    down.on('error', () => undefined);
    down.on('close', () => up.close(constants.NGHTTP2_CANCEL));
    up.on('close', () => end(down, up.rstCode));
    down.pipe(up);
    up.pipe(down);
  }
}

/** Keeps the connection's window from being refilled until a stream on it has gone. */
function withhold(connection: ClientHttp2Session, stream: ClientHttp2Stream): void {
  const { effectiveLocalWindowSize: windowBytes = 0 } = connection.state;
  if (windowBytes === 0 || stream.closed) return;
  connection.setLocalWindowSize(0);
  stream.on('close', () => {
    if (connection.destroyed) return;
    // A window that is one byte larger is told to the target, and what comes with that byte gives all the others back.
    connection.setLocalWindowSize(windowBytes + 1);
    // Node tells it with what it sends next.
    connection.ping(() => undefined);
  });
}

/** Ends a client's stream as the target ended its own. */
function end(down: ServerHttp2Stream, code: number): void {
  if (down.destroyed) return;
  if (!down.headersSent) down.respond({ ':status': constants.HTTP_STATUS_BAD_GATEWAY }, { endStream: true });
  else if (code !== constants.NGHTTP2_NO_ERROR) down.close(code);
}
