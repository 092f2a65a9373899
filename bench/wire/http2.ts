const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME_HEADER = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const STREAM = 1;
const MAX_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;
/** Windows are filled up when so many bytes have come. */
const REFILL_BYTES = 2 ** 29;

function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + body.length);
  bytes.writeUIntBE(body.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  body.copy(bytes, FRAME_HEADER);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK: a literal header, not indexed, whose name has `index` in the static table. */
function literal(index: number, value: string): Buffer {
  const name = index < 15 ? [index] : [15, index - 15];
  return Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value, 'latin1')]);
}

const SETTING_INITIAL_WINDOW = 4;
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const NAME = { authority: 1, path: 4, contentType: 31 } as const;

function requestHeaders(path: string, authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP]),
    literal(NAME.path, path),
    literal(NAME.authority, authority),
    literal(NAME.contentType, 'application/grpc'),
    Buffer.from('\x00\x02te\x08trailers', 'latin1'),
  ]);
}

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
        Buffer.from(PREFACE, 'latin1'),
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
