import type { Receiver, ReceiverContext } from './receiver.ts';

const NEWLINE = 0x0a;
/** What a frame is. */
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** How a protocol over WebSocket begins, and what it makes of a message. */
export interface WebSocketProtocol {
  /** Path with query. */
  readonly path: string;
  /** `Sec-WebSocket-Protocol`; absent: none. */
  readonly subprotocol?: string;
  /** Whether one WebSocket message may carry several of the protocol's, one a line. */
  readonly lines?: boolean;
  /** Called when the WebSocket is open. */
  open(): void;
  /**
   * Called with the first bytes of every message, at most {@link PEEK} of them; true when it is one that was
   * subscribed to. Anything else is short and comes whole.
   */
  message(bytes: Buffer, start: number, end: number): boolean;
}

/** Bytes of a message that a protocol sees. */
export const PEEK = 1024;

/** A masked text frame, as a client must send it. The mask is zero: it leaves the text as it is. */
export function textFrame(text: string, opcode: number = OPCODE.text): Buffer {
  return webSocketFrame(Buffer.from(text), opcode);
}

/** A masked frame of up to 64 KiB, likewise. */
export function webSocketFrame(body: Buffer, opcode: number): Buffer {
  const length =
    body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >>> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), body]);
}

/** The HTTP request that asks for a WebSocket. */
export function upgradeRequest(path: string, authority: string, subprotocol?: string): string {
  const protocol = subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${protocol}\r\n`
  );
}

/** Counts the messages of a WebSocket by hopping from header to header. */
export class WebSocketReceiver implements Receiver {
  readonly #context: ReceiverContext;
  readonly #protocol: WebSocketProtocol;
  #upgraded = false;
  #skip = 0;

  constructor(context: ReceiverContext, protocol: WebSocketProtocol) {
    this.#context = context;
    this.#protocol = protocol;
  }

  greet(): void {
    const { path, subprotocol } = this.#protocol;
    this.#context.send(upgradeRequest(path, this.#context.authority, subprotocol));
  }

  receive(bytes: Buffer, start: number, end: number): number {
    if (this.#upgraded) return this.#receiveFrames(bytes, start, end);
    const head = bytes.subarray(start, end);
    const length = head.indexOf('\r\n\r\n');
    if (length < 0) return start;
    if (!head.toString('latin1', 0, length).startsWith('HTTP/1.1 101')) this.#context.fail('no WebSocket');
    this.#upgraded = true;
    this.#protocol.open();
    return this.#receiveFrames(bytes, start + length + 4, end);
  }

  #receiveFrames(bytes: Buffer, start: number, end: number): number {
    let messages = 0;
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const upto = Math.min(at + this.#skip, end);
        if (this.#protocol.lines === true) messages += newlines(bytes, at, upto);
        this.#skip -= upto - at;
        at = upto;
        continue;
      }
      if (end - at < 2) break;
      let length = (bytes[at + 1] as number) & 0x7f;
      const header = length < 126 ? 2 : length === 126 ? 4 : 10;
      if (end - at < header) break;
      if (length === 126) length = bytes.readUInt16BE(at + 2);
      else if (length === 127) length = bytes.readUInt32BE(at + 6);
      const peek = Math.min(length, PEEK);
      const body = at + header;
      if (end - body < peek) break;
      if (this.#isMessage((bytes[at] as number) & 0xf, bytes, body, body + peek)) {
        messages++;
        if (this.#protocol.lines === true) messages += newlines(bytes, body, body + peek);
      }
      this.#skip = length - peek;
      at = body + peek;
    }
    if (messages > 0) this.#context.count(messages);
    return at;
  }

  #isMessage(opcode: number, bytes: Buffer, start: number, end: number): boolean {
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.binary:
        return this.#protocol.message(bytes, start, end);
      case OPCODE.ping:
        this.#context.send(textFrame(bytes.toString('latin1', start, end), OPCODE.pong));
        return false;
      case OPCODE.close:
        this.#context.fail('the server has closed the WebSocket');
        return false;
      default:
        return false;
    }
  }
}

function newlines(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE, start); at >= 0 && at < end; at = bytes.indexOf(NEWLINE, at + 1))
    count++;
  return count;
}
