import { FLAG, PREFACE, TYPE, frame, uint32 } from '../../bench/wire/http2-frames.ts';
import type { Random } from '../../common/random.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

/** What a connection sends, piece by piece. */
export interface Input {
  /** What is wrong with it, for who looks for the cause of a failure. */
  readonly kind: string;
  readonly pieces: readonly Buffer[];
}

const CURSOR = { epoch: 'x', seq: '1', fingerprint: 1 };
/** What viewers say, and a little beyond. */
const CLIENT_FRAMES: readonly ClientFrameInput[] = [
  { join: { room: 'tea', start: { live: {} } } },
  { join: { room: 'tea', start: { earliest: {} } } },
  { join: { room: 'tea', cursor: CURSOR } },
  { join: { room: 'tea', start: { last: 10 } } },
  { leave: { room: 'tea' } },
  { ack: {} },
  { ping: { nonce: 1 } },
  { credit: {} },
  { renew: { token: 'none' } },
  { publish: { request: { room: 'fuzz', type: 'gift', payload: Buffer.from('x'), key: 'k' } } },
  {},
];
const METHODS = ['Connect', 'Publish', 'Pull', 'GetRoom'] as const;
const OTHER_PATHS = [
  '/grpc.health.v1.Health/Watch',
  '/grpc.health.v1.Health/Check',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/live.v1.Live/Nothing',
  '/',
  '',
  '*',
];
const HEADERS: readonly (readonly [string, string])[] = [
  ['grpc-timeout', '1S'],
  ['grpc-timeout', '99999999999H'],
  ['grpc-timeout', '-1m'],
  ['grpc-encoding', 'gzip'],
  ['grpc-encoding', 'nothing'],
  ['grpc-accept-encoding', 'deflate,,gzip'],
  ['content-type', 'text/html'],
  ['content-length', '3'],
  ['authorization', 'Bearer'],
  ['authorization', 'Basic x'],
  ['x-bin', '%%%'],
  ['x-bin', 'AAAA,BBBB'],
  ['live-reason', 'X'],
  ['Upper', 'case'],
  ['', ''],
  [':authority', 'again'],
  ['connection', 'keep-alive'],
  ['te', 'gzip'],
  ['cookie', 'a=b'],
];

/** Makes what broken and hostile clients send; the same source of numbers makes the same. */
export class Inputs {
  readonly #random: Random;
  readonly #token: string;

  /** @param token one that the gateway takes */
  constructor(random: Random, token: string) {
    this.#random = random;
    this.#token = token;
  }

  next(): Input {
    const kinds = {
      bytes: () => [this.#chance(0.5) ? PREFACE : Buffer.alloc(0), this.#bytes(4_000)],
      frames: () => [PREFACE, ...this.#several(20, () => this.#anyFrame())],
      'mutated frames': () => [PREFACE, ...this.#mutated(this.#call())],
      framing: () => [PREFACE, ...this.#call(() => this.#framing())],
      'client frames': () => [PREFACE, ...this.#call(() => grpcMessage(this.#mutate(this.#clientFrame())))],
      headers: () => [
        PREFACE,
        frame(TYPE.settings, 0, 0, Buffer.alloc(0)),
        ...this.#several(5, (n) => this.#oddHeaders(2 * n + 1)),
      ],
      tokens: () => [PREFACE, ...this.#call(undefined, this.#oddToken())],
    };
    const kind = this.#pick(Object.keys(kinds)) as keyof typeof kinds;
    return { kind, pieces: kinds[kind]() };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }

  #several<T>(most: number, make: (n: number) => T): T[] {
    return Array.from({ length: 1 + this.#below(most) }, (_, n) => make(n));
  }

  #bytes(most: number): Buffer {
    return Buffer.from(this.#several(most, () => this.#below(256)));
  }

  /** Some bytes changed, doubled or left out. */
  #mutate(bytes: Buffer): Buffer {
    let mutated = Buffer.from(bytes);
    for (let n = this.#below(4); n > 0 && mutated.length > 0; n--) {
      const at = this.#below(mutated.length);
      const end = at + this.#below(16);
      const ways = [
        () => Buffer.concat([mutated.subarray(0, at), this.#bytes(1), mutated.subarray(at + 1)]),
        () => Buffer.concat([mutated.subarray(0, at), mutated.subarray(end)]),
        () => Buffer.concat([mutated.subarray(0, end), mutated.subarray(at)]),
      ];
      mutated = this.#pick(ways)();
    }
    return mutated;
  }

  /** Some pieces changed, swapped, doubled or left out. */
  #mutated(pieces: readonly Buffer[]): Buffer[] {
    return pieces.flatMap((piece) => {
      const ways = [
        () => [],
        () => [piece, piece],
        () => [this.#anyFrame(), piece],
        () => [this.#mutate(piece)],
      ];
      return this.#chance(0.4) ? this.#pick<() => Buffer[]>(ways)() : [piece];
    });
  }

  /** Of any type, known or not, with any flags, often on a stream that there is. */
  #anyFrame(): Buffer {
    const stream = this.#chance(0.8) ? this.#below(4) : this.#below(2 ** 31);
    return frame(
      this.#below(12),
      this.#below(256),
      stream,
      this.#chance(0.3) ? Buffer.alloc(8) : this.#bytes(300),
    );
  }

  #clientFrame(): Buffer {
    return this.#chance(0.1)
      ? this.#bytes(200)
      : liveService.Connect.requestSerialize(this.#pick(CLIENT_FRAMES));
  }

  /** gRPC's prefix says something else than what is there. */
  #framing(): Buffer {
    const message = grpcMessage(this.#clientFrame());
    if (this.#chance(0.3)) message[0] = this.#below(256);
    if (this.#chance(0.3)) message.writeUInt32BE(this.#below(2 ** 32), 1);
    if (this.#chance(0.3)) return message.subarray(0, this.#below(message.length));
    return message;
  }

  /** A call that is in order but for its messages, or its token. */
  #call(message: () => Buffer = () => grpcMessage(this.#clientFrame()), token = this.#token): Buffer[] {
    const method: (typeof METHODS)[number] = this.#chance(0.5) ? 'Connect' : this.#pick(METHODS);
    const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: { client: 'fuzz' } }));
    const messages = [...(this.#chance(0.9) ? [hello] : []), ...this.#several(8, message)];
    const headers = headerBlock([
      ...callHeaders(liveService[method].path),
      ['authorization', `Bearer ${token}`],
    ]);
    return [
      frame(TYPE.settings, 0, 0, Buffer.alloc(0)),
      frame(TYPE.headers, FLAG.endHeaders, 1, headers),
      ...this.#split(Buffer.concat(messages)).map((part) => frame(TYPE.data, 0, 1, part)),
      ...(this.#chance(0.3) ? [frame(TYPE.data, FLAG.endStream, 1, Buffer.alloc(0))] : []),
      ...(this.#chance(0.3) ? [frame(TYPE.reset, 0, 1, uint32(this.#below(16)))] : []),
    ];
  }

  #split(bytes: Buffer): Buffer[] {
    const at = this.#below(bytes.length);
    return this.#chance(0.5) ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
  }

  #oddHeaders(stream: number): Buffer {
    const path = this.#chance(0.5) ? this.#pick(OTHER_PATHS) : liveService[this.#pick(METHODS)].path;
    const odd = this.#several(4, () => this.#pick(HEADERS));
    const block = headerBlock([...callHeaders(path).filter(() => this.#chance(0.95)), ...odd]);
    const flags = FLAG.endHeaders | (this.#chance(0.5) ? FLAG.endStream : 0);
    return frame(TYPE.headers, flags, stream, this.#chance(0.2) ? this.#mutate(block) : block);
  }

  #oddToken(): string {
    const text = this.#mutate(Buffer.from(this.#token)).toString('latin1');
    return this.#chance(0.2) ? this.#pick(['', '.', '..', 'a.b.c', 'x'.repeat(100)]) : text;
  }
}

const callHeaders = (path: string): [string, string][] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'fuzz'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];

/** Each header as a literal that is never indexed (RFC 7541, 6.2.2). */
function headerBlock(headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  return Buffer.concat([Buffer.from([127, 128 | (rest & 127), rest >> 7]), bytes]);
}
