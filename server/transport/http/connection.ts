import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CarrierConnection } from '../../session/carrier.ts';

/** A connection of HTTP/1.1: it carries one answer after the other. */
export class HttpConnection implements CarrierConnection {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** It is closed with its only stream. */
  proveAlive(proven: () => void): void {
    const { socket } = this.#response as { readonly socket: Socket | null };
    if (socket === null || socket.destroyed) proven();
    else socket.once('close', proven);
  }

  /** Ends it at once, and its answer. */
  terminate(): void {
    this.#response.destroy();
    this.#response.req.socket.destroy();
  }

  /** The answer is the last, and says so if it has not begun. */
  takeNoMore(): void {
    const { socket } = this.#response;
    if (!this.#response.headersSent) this.#response.shouldKeepAlive = false;
    else this.#response.once('finish', () => socket?.destroySoon());
  }
}
