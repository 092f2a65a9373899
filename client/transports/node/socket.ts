import type { NetConnectOpts, Socket as TcpSocket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { resetSocket } from '../../../common/node/reset-socket.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';
import type { KeepaliveOptions } from '../keepalive.ts';
import type { Socket, SocketHandlers } from '../websocket/socket.ts';
import { Pings } from './pings.ts';
import { refusalOf } from './refused-upgrade.ts';

/** Takes a connection that is made, or why there is none. */
type Dialled = (error: Error | null, connection?: TcpSocket) => void;

/** How it is secured, where the URL is `wss://`, and asked for signs of life. */
export interface NodeSocketOptions {
  readonly tls: ConnectionOptions;
  readonly keepalive: KeepaliveOptions;
}

/** A WebSocket of the package `ws`, on a TCP connection that we make: it shows what has come, and can be reset. */
export class NodeSocket implements Socket {
  readonly wholeMessagesOnly = false;
  readonly #socket: WebSocket;
  #connection: TcpSocket | undefined;
  #pings: Pings | undefined;
  /** What is spoken on it, by TLS. */
  #secured: TcpSocket | undefined;
  /** Why there is no connection. */
  #failure = '';

  constructor(
    url: string,
    protocol: string,
    { tls, keepalive }: NodeSocketOptions,
    handlers: SocketHandlers,
  ) {
    const socket = new WebSocket(url, protocol, {
      maxPayload: LARGEST_FRAME_BYTES,
      perMessageDeflate: false,
      // It is called in this one of its forms.
      createConnection: ((options: NetConnectOpts, done: Dialled) =>
        this.#dial(options, url.startsWith('wss:') ? tls : undefined, done)) as unknown as typeof connectTcp,
    });
    this.#socket = socket;
    socket.once('open', () => {
      this.#pings = this.#keepalive(keepalive);
      handlers.open();
    });
    socket.on('pong', () => this.#pings?.answered());
    socket.on('message', (data: Buffer, isBinary) => handlers.message(isBinary ? data : data.toString()));
    socket.on('error', (error) => (this.#failure ||= error.message));
    socket.on('unexpected-response', (_, response) => {
      void refusalOf(response).then((refusal) => {
        this.#failure = refusal;
        socket.terminate();
      });
    });
    socket.once('close', (code, reason) => {
      this.#pings?.stop();
      handlers.close(code, reason.toString() || this.#failure);
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** Whatever has come by the connection, also parts of messages. */
  get bytesReceived(): number {
    return this.#connection?.bytesRead ?? 0;
  }

  destroy(): void {
    this.#pings?.stop();
    this.#socket.removeAllListeners();
    // It reports its own end as an error.
    this.#socket.on('error', () => undefined);
    this.#reset();
  }

  /** A reset, not a FIN: what is still unsent to a dead peer must not linger in the kernel. */
  #reset(): void {
    if (this.#connection !== undefined) resetSocket(this.#connection, this.#secured);
    this.#socket.terminate();
  }

  #keepalive(options: KeepaliveOptions): Pings {
    return new Pings(options, {
      ping: () => this.#socket.ping(),
      unanswered: (timeoutMs) => {
        this.#failure = `a ping was not answered within ${timeoutMs} ms`;
        this.#reset();
      },
    });
  }

  /** @param tls undefined: without */
  #dial(options: NetConnectOpts, tls: ConnectionOptions | undefined, done: Dialled): TcpSocket | undefined {
    const { host = '', port } = options as { readonly host?: string; readonly port: number };
    const connection = connectTcp({ host, port });
    this.#connection = connection;
    if (tls === undefined) return connection;
    connection.once('error', done);
    // Not before it is connected: it takes another handle for each address of the host that it tries, and TLS on the one before ends the process.
    connection.once('connect', () => {
      // An IP address is no name that could be asked for (RFC 6066).
      const servername = isIP(host) === 0 ? host : '';
      this.#secured = connectTls({ servername, host, ...tls, socket: connection });
      done(null, this.#secured);
    });
    return undefined;
  }
}
