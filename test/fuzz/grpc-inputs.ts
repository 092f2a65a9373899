import { FLAG, PREFACE, TYPE, frame, uint32 } from '../../bench/wire/http2-frames.ts';
import type { Random } from '../../common/random.ts';
import { liveService } from '../../protos/live.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';
import { Chance } from './chance.ts';
import type { Input } from './input.ts';
import { clientFrame, HELLO, METHODS, oddToken } from './spoken.ts';

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

/** Makes what broken and hostile clients send over HTTP/2; the same source of numbers makes the same. */
export class GrpcInputs {
  readonly #chance: Chance;
  readonly #token: string;

  /** @param token one that the gateway takes */
  constructor(random: Random, token: string) {
    this.#chance = new Chance(random);
    this.#token = token;
  }

  next(): Input {
    const kinds = {
      bytes: () => [this.#chance.happens(0.5) ? PREFACE : Buffer.alloc(0), this.#chance.bytes(4_000)],
      frames: () => [PREFACE, ...this.#chance.several(20, () => this.#anyFrame())],
      'mutated frames': () => [PREFACE, ...this.#mutated(this.#call())],
      framing: () => [PREFACE, ...this.#call(() => this.#framing())],
      'client frames': () => [
        PREFACE,
        ...this.#call(() => grpcMessage(this.#chance.mutate(clientFrame(this.#chance)))),
      ],
      headers: () => [
        PREFACE,
        frame(TYPE.settings, 0, 0, Buffer.alloc(0)),
        ...this.#chance.several(5, (n) => this.#oddHeaders(2 * n + 1)),
      ],
      tokens: () => [PREFACE, ...this.#call(undefined, oddToken(this.#chance, this.#token))],
    };
    const kind = this.#chance.pick(Object.keys(kinds)) as keyof typeof kinds;
    return { kind, pieces: kinds[kind]() };
  }

  /** Some pieces changed, swapped, doubled or left out. */
  #mutated(pieces: readonly Buffer[]): Buffer[] {
    return pieces.flatMap((piece) => {
      const ways = [
        () => [],
        () => [piece, piece],
        () => [this.#anyFrame(), piece],
        () => [this.#chance.mutate(piece)],
      ];
      return this.#chance.happens(0.4) ? this.#chance.pick<() => Buffer[]>(ways)() : [piece];
    });
  }

  /** Of any type, known or not, with any flags, often on a stream that there is. */
  #anyFrame(): Buffer {
    const stream = this.#chance.happens(0.8) ? this.#chance.below(4) : this.#chance.below(2 ** 31);
    return frame(
      this.#chance.below(12),
      this.#chance.below(256),
      stream,
      this.#chance.happens(0.3) ? Buffer.alloc(8) : this.#chance.bytes(300),
    );
  }

  /** gRPC's prefix says something else than what is there. */
  #framing(): Buffer {
    const message = grpcMessage(clientFrame(this.#chance));
    if (this.#chance.happens(0.3)) message[0] = this.#chance.below(256);
    if (this.#chance.happens(0.3)) message.writeUInt32BE(this.#chance.below(2 ** 32), 1);
    if (this.#chance.happens(0.3)) return message.subarray(0, this.#chance.below(message.length));
    return message;
  }

  /** A call that is in order but for its messages, or its token. */
  #call(message: () => Buffer = () => grpcMessage(clientFrame(this.#chance)), token = this.#token): Buffer[] {
    const method: (typeof METHODS)[number] = this.#chance.happens(0.5)
      ? 'Connect'
      : this.#chance.pick(METHODS);
    const messages = [
      ...(this.#chance.happens(0.9) ? [grpcMessage(HELLO)] : []),
      ...this.#chance.several(8, message),
    ];
    const headers = headerBlock([
      ...callHeaders(liveService[method].path),
      ['authorization', `Bearer ${token}`],
    ]);
    return [
      frame(TYPE.settings, 0, 0, Buffer.alloc(0)),
      frame(TYPE.headers, FLAG.endHeaders, 1, headers),
      ...this.#chance.split(Buffer.concat(messages)).map((part) => frame(TYPE.data, 0, 1, part)),
      ...(this.#chance.happens(0.3) ? [frame(TYPE.data, FLAG.endStream, 1, Buffer.alloc(0))] : []),
      ...(this.#chance.happens(0.3) ? [frame(TYPE.reset, 0, 1, uint32(this.#chance.below(16)))] : []),
    ];
  }

  #oddHeaders(stream: number): Buffer {
    const path = this.#chance.happens(0.5)
      ? this.#chance.pick(OTHER_PATHS)
      : liveService[this.#chance.pick(METHODS)].path;
    const odd = this.#chance.several(4, () => this.#chance.pick(HEADERS));
    const block = headerBlock([...callHeaders(path).filter(() => this.#chance.happens(0.95)), ...odd]);
    const flags = FLAG.endHeaders | (this.#chance.happens(0.5) ? FLAG.endStream : 0);
    return frame(TYPE.headers, flags, stream, this.#chance.happens(0.2) ? this.#chance.mutate(block) : block);
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
