import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import type { HelloInput } from '../../protos/gen/live/v1/Hello.ts';
import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import { decodeServerFrame, liveService } from '../../protos/live.ts';
import { until } from './poll.ts';

/** How a WebSocket has ended. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
}

/** What a viewer may do otherwise than most. */
export interface WebSocketOptions extends ClientOptions {
  readonly path?: string;
  readonly protocols?: readonly string[];
}

/** A viewer by WebSocket without a client library: sends any frames, in any order, and keeps what comes back. */
export class WebSocketViewer implements Disposable {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;
  /** The status and body of the answer to a handshake that was refused. */
  refused: { readonly status: number; readonly body: string } | undefined;
  #end: SocketEnd | undefined;
  #next = 0;

  /** @param address `host:port` of the HTTP listener, or a URL without path */
  constructor(
    address: string,
    { path = '/v1/connect', protocols = ['live.v1'], ...options }: WebSocketOptions = {},
  ) {
    const base = address.includes('://') ? address : `ws://${address}`;
    this.socket = new WebSocket(`${base}${path}`, [...protocols], { perMessageDeflate: false, ...options });
    this.socket.on('message', (bytes: Buffer) => this.frames.push(decodeServerFrame(bytes)));
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => (this.#end = { code, reason: reason.toString() }));
    this.socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('close', () => (this.refused = { status: response.statusCode ?? 0, body }));
    });
  }

  /** Says Hello as soon as it can. */
  static hello(
    address: string,
    hello: HelloInput = { client: 'raw' },
    options: WebSocketOptions = {},
  ): WebSocketViewer {
    const viewer = new WebSocketViewer(address, options);
    viewer.send({ hello });
    return viewer;
  }

  /** Sends frames, each as a message; as soon as it is open. */
  send(...frames: ClientFrameInput[]): void {
    for (const frame of frames) this.bytes(liveService.Connect.requestSerialize(frame));
  }

  /** Sends a frame as a message of several parts. */
  sendInParts(frame: ClientFrameInput, partBytes: number): void {
    const bytes = liveService.Connect.requestSerialize(frame);
    for (let at = 0; at < bytes.length; at += partBytes)
      this.socket.send(bytes.subarray(at, at + partBytes), { fin: at + partBytes >= bytes.length });
  }

  bytes(message: Buffer | string): void {
    if (this.socket.readyState === WebSocket.CONNECTING)
      this.socket.once('open', () => this.socket.send(message));
    else this.socket.send(message);
  }

  /** The next frame of a kind, behind those that were asked for before. */
  async next<Kind extends NonNullable<ServerFrame['frame']>>(
    kind: Kind,
  ): Promise<NonNullable<ServerFrame[Kind]>> {
    const at = await until(`a frame ${kind}`, () => {
      const index = this.frames.findIndex(({ frame }, place) => place >= this.#next && frame === kind);
      return index < 0 ? undefined : { index };
    });
    this.#next = at.index + 1;
    return this.frames[at.index]?.[kind] as NonNullable<ServerFrame[Kind]>;
  }

  /** How it has ended. */
  ended(): Promise<SocketEnd> {
    return until('the WebSocket has ended', () => this.#end);
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}
