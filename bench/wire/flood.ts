import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { FLAG, FRAME_HEADER, PREFACE, SETTING_INITIAL_WINDOW, TYPE } from './http2-frames.ts';
import { frame, requestHeaders, uint32 } from './http2-frames.ts';

/** As much as is read at once. */
const BLOCK_BYTES = 64 * 1024;
const RECONNECT_MS = 5;
const NOTHING = Buffer.alloc(0);
const CANCEL = uint32(8);
/** One header that fills a frame. */
const HUGE = Buffer.concat([Buffer.from([0, 1, 0x78, 0x7f, 0xfb, 0x7e]), Buffer.alloc(16_384 - 6, 'x')]);

/** The frames of one kind of flood; `stream` is the next one that a client may open. */
type Repeat = (stream: number) => readonly Buffer[];

const connectCall = requestHeaders('/live.v1.Live/Connect', 'flood');
const unknownCall = requestHeaders('/live.v1.Live/Nothing', 'flood');
const ping = [frame(TYPE.ping, 0, 0, Buffer.alloc(8))];
const setting = Buffer.concat([Buffer.from([0, SETTING_INITIAL_WINDOW]), uint32(65_535)]);

/** What can be sent without end. Each stream is opened by the frames that need one. */
const REPEATS = {
  pings: () => ping,
  'ping answers': () => [frame(TYPE.ping, FLAG.ack, 0, Buffer.alloc(8))],
  settings: () => [frame(TYPE.settings, 0, 0, setting)],
  'empty settings': () => [frame(TYPE.settings, 0, 0, NOTHING)],
  'window updates': () => [frame(TYPE.windowUpdate, 0, 0, uint32(1))],
  priorities: () => [frame(TYPE.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16]))],
  'unknown frames': () => [frame(0x77, 0, 0, NOTHING)],
  'empty data': (stream) => [
    ...(stream === 1 ? [frame(TYPE.headers, FLAG.endHeaders, 1, connectCall)] : []),
    frame(TYPE.data, 0, 1, NOTHING),
  ],
  resets: (stream) => [
    frame(TYPE.headers, FLAG.endHeaders, stream, connectCall),
    frame(TYPE.reset, 0, stream, CANCEL),
  ],
  'refused calls': (stream) => [frame(TYPE.headers, FLAG.endHeaders | FLAG.endStream, stream, unknownCall)],
  'calls without end': (stream) => [frame(TYPE.headers, FLAG.endHeaders, stream, connectCall)],
  continuations: (stream) => [
    ...(stream === 1 ? [frame(TYPE.headers, 0, 1, connectCall)] : []),
    frame(TYPE.continuation, 0, 1, NOTHING),
  ],
  'huge headers': (stream) => [
    frame(TYPE.headers, 0, stream, connectCall),
    ...Array.from({ length: 3 }, () => frame(TYPE.continuation, 0, stream, HUGE)),
    frame(TYPE.continuation, FLAG.endHeaders, stream, HUGE),
  ],
  connections: () => [],
} satisfies Record<string, Repeat>;

export type FloodKind = keyof typeof REPEATS;
export const FLOOD_KINDS = Object.keys(REPEATS) as FloodKind[];

/** What has become of a flood. */
export interface FloodCounts {
  /** Frames handed to sockets, or for `connections` those opened. */
  readonly frames: number;
  /** Times that the other end has closed or refused the connection. */
  readonly closed: number;
  /** GOAWAYs that it sent, by their code. */
  readonly goaways: ReadonlyMap<number, number>;
}

/** Frames of one kind, as fast as the other end takes them and the link carries them, on one connection that is opened again whenever it is closed. */
export class Flood {
  readonly #address: { readonly host: string; readonly port: number };
  readonly #kind: FloodKind;
  readonly #repeat: Repeat;
  readonly #blockBytes: number;
  readonly #bytesPerMs: number;
  readonly #goaways = new Map<number, number>();
  #socket: Socket | undefined;
  #stream = 1;
  #frames = 0;
  #closed = 0;
  #stopped = false;

  /**
   * @param blockBytes about so many bytes are written at once
   * @param bytesPerMs what the link carries
   */
  constructor(
    address: { readonly host: string; readonly port: number },
    kind: FloodKind,
    blockBytes: number = BLOCK_BYTES,
    bytesPerMs = Infinity,
  ) {
    this.#bytesPerMs = bytesPerMs;
    this.#blockBytes = blockBytes;
    this.#address = address;
    this.#kind = kind;
    this.#repeat = REPEATS[kind];
    this.#connect();
  }

  get counts(): FloodCounts {
    return { frames: this.#frames, closed: this.#closed, goaways: this.#goaways };
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.resetAndDestroy();
  }

  #connect(): void {
    if (this.#stopped) return;
    const socket = connect({ ...this.#address, noDelay: true });
    this.#socket = socket;
    this.#stream = 1;
    let rest: Buffer = NOTHING;
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => (rest = this.#listen(Buffer.concat([rest, bytes]))));
    socket.on('end', () => socket.destroy());
    socket.on('drain', () => this.#pumpLater(socket));
    socket.on('close', () => {
      this.#closed++;
      setTimeout(() => this.#connect(), this.#kind === 'connections' ? 0 : RECONNECT_MS);
    });
    socket.on('connect', () => {
      socket.write(PREFACE);
      socket.write(frame(TYPE.settings, 0, 0, NOTHING));
      if (this.#kind === 'connections') {
        this.#frames++;
        socket.end(() => socket.destroy());
      } else this.#pump(socket);
    });
  }

  /** Not in one go: what comes back has to be heard. */
  #pump(socket: Socket): void {
    if (socket.destroyed || this.#stopped) return;
    const frames: Buffer[] = [];
    for (let bytes = 0; bytes < this.#blockBytes; this.#stream += 2) {
      for (const next of this.#repeat(this.#stream)) {
        bytes += next.length;
        frames.push(next);
      }
    }
    this.#frames += frames.length;
    if (socket.write(Buffer.concat(frames))) this.#pumpLater(socket);
  }

  #pumpLater(socket: Socket): void {
    if (this.#bytesPerMs === Infinity) setImmediate(() => this.#pump(socket));
    else setTimeout(() => this.#pump(socket), this.#blockBytes / this.#bytesPerMs);
  }

  /** Gives what belongs to a frame that is not complete. */
  #listen(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const next = at + FRAME_HEADER + bytes.readUIntBE(at, 3);
      if (next > bytes.length) break;
      if (bytes[at + 3] === TYPE.goaway) {
        const code = bytes.readUInt32BE(at + FRAME_HEADER + 4);
        this.#goaways.set(code, (this.#goaways.get(code) ?? 0) + 1);
      }
      at = next;
    }
    return Buffer.from(bytes.subarray(at));
  }
}
