import type { JoinInput } from '../../protos/gen/live/v1/Join.ts';
import { encodeClientFrame } from './live-call.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';
import { OPCODE, upgradeRequest, webSocketFrame } from './websocket.ts';

const FIN = 0x80;

/** What a WebSocket begins with, and what becomes of its messages. */
export interface LiveWebSocketOptions {
  readonly join: JoinInput;
  /** Bytes of messages, in order, wherever they are cut. */
  data(bytes: Buffer, start: number, end: number): void;
  /** The message at hand was given as a whole. */
  ended?(): void;
}

/** The gateway's WebSocket as a viewer has it: Hello, and Join. */
export class LiveWebSocket implements Receiver {
  readonly #context: ReceiverContext;
  readonly #options: LiveWebSocketOptions;
  #upgraded = false;
  /** Bytes that are still to come of the frame at hand, and whether the message ends with it. */
  #left = 0;
  #final = false;

  constructor(context: ReceiverContext, options: LiveWebSocketOptions) {
    this.#context = context;
    this.#options = options;
  }

  greet(): void {
    this.#context.send(upgradeRequest('/v1/connect', this.#context.authority, 'live.v1'));
  }

  receive(bytes: Buffer, start: number, end: number): number {
    if (this.#upgraded) return this.#receiveFrames(bytes, start, end);
    const length = bytes.subarray(start, end).indexOf('\r\n\r\n');
    if (length < 0) return start;
    if (!bytes.toString('latin1', start, end).startsWith('HTTP/1.1 101')) this.#context.fail('no WebSocket');
    this.#upgraded = true;
    this.#join();
    return this.#receiveFrames(bytes, start + length + 4, end);
  }

  #join(): void {
    const { join } = this.#options;
    for (const frame of [{ hello: { client: 'bench' } }, { join }])
      this.#context.send(webSocketFrame(encodeClientFrame(frame), OPCODE.binary));
  }

  #receiveFrames(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const upto = Math.min(at + this.#left, end);
        this.#options.data(bytes, at, upto);
        this.#left -= upto - at;
        if (this.#left === 0 && this.#final) this.#options.ended?.();
        at = upto;
        continue;
      }
      if (end - at < 2) break;
      const short = (bytes[at + 1] as number) & 0x7f;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (end - at < header) break;
      const length =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
      const first = bytes[at] as number;
      const opcode = first & 0xf;
      const control = opcode >= OPCODE.close;
      if (control && end - at < header + length) break;
      at += header;
      if (!control) {
        this.#left = length;
        this.#final = (first & FIN) !== 0;
      } else {
        this.#control(opcode, bytes.subarray(at, at + length));
        at += length;
      }
    }
    return at;
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.close) this.#context.fail('the gateway has closed the WebSocket');
    if (opcode === OPCODE.ping) this.#context.send(webSocketFrame(payload, OPCODE.pong));
  }
}
