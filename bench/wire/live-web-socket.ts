import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import { FrameCounter } from './frame-counter.ts';
import { encodeClientFrame } from './live-call.ts';
import type { Receiver, ReceiverContext } from './receiver.ts';
import { OPCODE, upgradeRequest, webSocketFrame } from './websocket.ts';

/** A viewer of one room by WebSocket that counts reliable messages. */
export class LiveWebSocketCounter implements Receiver {
  readonly #context: ReceiverContext;
  readonly #start: StartInput;
  readonly #counter: FrameCounter;
  #upgraded = false;
  /** Bytes that are still to come of the frame at hand. */
  #left = 0;

  /** @param start where in the room it begins */
  constructor(context: ReceiverContext, start: StartInput) {
    this.#context = context;
    this.#start = start;
    this.#counter = new FrameCounter(context, 0);
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
    const join = { room: this.#context.room, start: this.#start };
    for (const frame of [{ hello: { client: 'bench' } }, { join }])
      this.#context.send(webSocketFrame(encodeClientFrame(frame), OPCODE.binary));
  }

  #receiveFrames(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const upto = Math.min(at + this.#left, end);
        this.#counter.count(bytes, at, upto);
        this.#left -= upto - at;
        at = upto;
        continue;
      }
      if (end - at < 2) break;
      const short = (bytes[at + 1] as number) & 0x7f;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (end - at < header) break;
      const length =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
      const opcode = (bytes[at] as number) & 0xf;
      const control = opcode >= OPCODE.close;
      if (control && end - at < header + length) break;
      at += header;
      if (!control) this.#left = length;
      else {
        if (opcode === OPCODE.close) this.#context.fail('the gateway has closed the WebSocket');
        if (opcode === OPCODE.ping)
          this.#context.send(webSocketFrame(bytes.subarray(at, at + length), OPCODE.pong));
        at += length;
      }
    }
    return at;
  }
}
