import {
  FLAG,
  FRAME_HEADER,
  MAX_WINDOW,
  PREFACE,
  SETTING_INITIAL_WINDOW,
  TYPE,
  frame,
  requestHeaders,
  uint32,
} from './http2-frames.ts';

const STREAM = 1;
const DEFAULT_WINDOW = 65_535;
/** Windows are filled up when so many bytes have come. */
const REFILL_BYTES = 2 ** 29;

/** What a call does with what it hears. */
export interface Http2Events {
  send(bytes: Buffer): void;
  /** Bytes of the response's body. */
  data(bytes: Buffer, start: number, end: number): void;
  fail(reason: string): void;
}

/**
 * One gRPC call on one HTTP/2 connection, frame by frame: as much of HTTP/2 as a well-behaved server needs to see.
 * Its windows are as large as they can be, so that it is never the subscriber that a server waits for.
 */
export class Http2Call {
  readonly #events: Http2Events;
  readonly #path: string;
  readonly #authority: string;
  /** Bytes of the frame at hand that are still to come, and whether they are the body's. */
  #left = 0;
  #isData = false;
  #unannounced = 0;

  constructor(path: string, authority: string, events: Http2Events) {
    this.#path = path;
    this.#authority = authority;
    this.#events = events;
  }

  /** Opens the connection and the call. */
  open(): void {
    const setting = Buffer.concat([Buffer.from([0, SETTING_INITIAL_WINDOW]), uint32(MAX_WINDOW)]);
    this.#events.send(
      Buffer.concat([
        PREFACE,
        frame(TYPE.settings, 0, 0, setting),
        frame(TYPE.windowUpdate, 0, 0, uint32(MAX_WINDOW - DEFAULT_WINDOW)),
        frame(TYPE.headers, FLAG.endHeaders, STREAM, requestHeaders(this.#path, this.#authority)),
      ]),
    );
  }

  /** Sends gRPC messages. */
  write(messages: readonly Buffer[]): void {
    this.#events.send(
      Buffer.concat(
        messages.map((message) => {
          const body = Buffer.concat([Buffer.alloc(1), uint32(message.length), message]);
          return frame(TYPE.data, 0, STREAM, body);
        }),
      ),
    );
  }

  /** See Receiver.receive. */
  receive(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const upto = Math.min(at + this.#left, end);
        if (this.#isData) this.#receiveData(bytes, at, upto);
        this.#left -= upto - at;
        at = upto;
      } else {
        if (end - at < FRAME_HEADER) return at;
        const length = bytes.readUIntBE(at, 3);
        const type = bytes[at + 3] as number;
        if (type === TYPE.data || type === TYPE.headers) {
          if (type === TYPE.headers && ((bytes[at + 4] as number) & FLAG.endStream) !== 0) {
            this.#events.fail('the call has ended');
          }
          this.#left = length;
          this.#isData = type === TYPE.data;
          at += FRAME_HEADER;
        } else {
          const next = at + FRAME_HEADER + length;
          if (end < next) return at;
          this.#control(type, bytes[at + 4] as number, bytes.subarray(at + FRAME_HEADER, next));
          at = next;
        }
      }
    }
    return at;
  }

  #receiveData(bytes: Buffer, start: number, end: number): void {
    this.#unannounced += end - start;
    if (this.#unannounced >= REFILL_BYTES) {
      const increment = uint32(this.#unannounced);
      this.#unannounced = 0;
      this.#events.send(frame(TYPE.windowUpdate, 0, 0, increment));
      this.#events.send(frame(TYPE.windowUpdate, 0, STREAM, increment));
    }
    this.#events.data(bytes, start, end);
  }

  #control(type: number, flags: number, body: Buffer): void {
    if (type === TYPE.goaway || type === TYPE.reset) this.#events.fail('the server has ended the call');
    if ((flags & FLAG.ack) !== 0) return;
    if (type === TYPE.settings) this.#events.send(frame(TYPE.settings, FLAG.ack, 0, Buffer.alloc(0)));
    if (type === TYPE.ping) this.#events.send(frame(TYPE.ping, FLAG.ack, 0, Buffer.from(body)));
  }
}
