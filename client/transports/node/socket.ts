import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import { resetSocket } from '../../../common/node/reset-socket.ts';
import { LARGEST_FRAME_BYTES } from '../../core/frame-size.ts';
import type { Socket, SocketHandlers } from '../websocket/socket.ts';

/** A WebSocket of the package `ws`, which shows the TCP connection under it. */
export class NodeSocket implements Socket {
  readonly wholeMessagesOnly = false;
  readonly #socket: WebSocket;
  #connection: TcpSocket | undefined;
  /** Why there is no connection. */
  #failure = '';

  constructor(url: string, protocol: string, options: ClientOptions, handlers: SocketHandlers) {
    const socket = new WebSocket(url, protocol, {
      ...options,
      maxPayload: LARGEST_FRAME_BYTES,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.once('upgrade', (response: IncomingMessage) => (this.#connection = response.socket));
    socket.once('open', () => handlers.open());
    socket.on('message', (data: Buffer, isBinary) => handlers.message(isBinary ? data : data.toString()));
    socket.on('error', (error) => (this.#failure = error.message));
    socket.once('close', (code, reason) => handlers.close(code, reason.toString() || this.#failure));
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** Whatever has come by the connection, also parts of messages. */
  get bytesReceived(): number {
    return this.#connection?.bytesRead ?? 0;
  }

  destroy(): void {
    this.#socket.removeAllListeners();
    // It reports its own end as an error.
    this.#socket.on('error', () => undefined);
    // A reset, not a FIN: what is still unsent to a dead peer must not linger in the kernel.
    if (this.#connection !== undefined) resetSocket(this.#connection);
    this.#socket.terminate();
  }
}
