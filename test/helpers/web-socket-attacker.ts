import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { parseAddress } from '../../common/units.ts';
import type { SocketEnd } from './web-socket-viewer.ts';
import { until } from './poll.ts';

const HANDSHAKE_END = '\r\n\r\n';
const CLOSE = 8;

/** The request of a handshake, up to its end. */
export const HANDSHAKE =
  'GET /v1/connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: live.v1${HANDSHAKE_END}`;

/** How a frame differs from what clients send. */
export interface FrameForm {
  readonly final?: boolean;
  readonly reserved?: number;
  readonly masked?: boolean;
  /** What its header says of its length, in bytes. */
  readonly announced?: number;
}

/** A frame of WebSocket, by default as a client sends it; the mask leaves the payload as it is. */
export function webSocketFrame(
  opcode: number,
  payload: Buffer = Buffer.alloc(0),
  { final = true, reserved = 0, masked = true, announced = payload.length }: FrameForm = {},
): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (final ? 0x80 : 0) | reserved | opcode;
  let size = 2;
  if (announced < 126) head[1] = announced;
  else if (announced < 65_536) {
    head[1] = 126;
    size = 2 + 2;
    head.writeUInt16BE(announced, 2);
  } else {
    head[1] = 127;
    size = 2 + 8;
    head.writeBigUInt64BE(BigInt(announced), 2);
  }
  if (masked) head.writeUInt8(head.readUInt8(1) | 0x80, 1);
  return Buffer.concat([head.subarray(0, size), Buffer.alloc(masked ? 4 : 0), payload]);
}

/** A connection on which anything may be sent as WebSocket. */
export class WebSocketAttacker implements Disposable {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  closed = false;

  /** @param address `host:port` of the HTTP listener */
  constructor(address: string, first: Buffer | string = HANDSHAKE) {
    this.socket = connect({ ...parseAddress(address)!, allowHalfOpen: true });
    this.socket.on('data', (bytes) => (this.#received = Buffer.concat([this.#received, bytes])));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
    this.socket.on('end', () => (this.closed = true));
    this.socket.write(first);
  }

  /** What has come, as text. */
  get text(): string {
    return this.#received.toString('latin1');
  }

  /** Opcodes of the frames that have come. */
  get opcodes(): number[] {
    return this.#frames().map(({ opcode }) => opcode);
  }

  send(...frames: Buffer[]): this {
    this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** What it was told by the frame that ends the connection, once that has ended. */
  async end(): Promise<SocketEnd | undefined> {
    await until('the connection of an attacker has ended', () => this.closed);
    const close = this.#frames().find(({ opcode }) => opcode === CLOSE);
    return close && { code: close.payload.readUInt16BE(), reason: close.payload.toString('utf8', 2) };
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #frames(): { readonly opcode: number; readonly payload: Buffer }[] {
    const frames: { opcode: number; payload: Buffer }[] = [];
    const bytes = this.#received;
    let at = bytes.indexOf(HANDSHAKE_END);
    if (at < 0) return frames;
    at += HANDSHAKE_END.length;
    while (at + 2 <= bytes.length) {
      const short = bytes.readUInt8(at + 1);
      const size = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + size > bytes.length) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      frames.push({
        opcode: bytes.readUInt8(at) & 0x0f,
        payload: bytes.subarray(at + size, at + size + length),
      });
      at += size + length;
    }
    return frames;
  }
}
