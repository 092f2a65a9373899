import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:http2';
import { liveService } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { encodeClientFrame } from './live-call.ts';
import { tokenOf } from './token.ts';

/** Calls that one connection has open at once. */
const CALLS = 500;
const RECONNECT_MS = 5;
/** Of a message that never comes to its end. */
const PART_BYTES = 32 * 1024;

const TOKEN = tokenOf('attacker');

type Attack = (session: ClientHttp2Session, count: () => void) => void;

function open(session: ClientHttp2Session, method: 'Connect' | 'GetRoom' | 'Pull'): ClientHttp2Stream {
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': liveService[method].path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${TOKEN}`,
    },
    { endStream: false },
  );
  return stream.on('error', () => undefined);
}

/** One call after the other, so many at a time. */
function repeat(session: ClientHttp2Session, call: () => ClientHttp2Stream, count: () => void): void {
  const next = (): void => {
    if (session.closed || session.destroyed) return;
    count();
    call().once('close', next);
  };
  for (let n = 0; n < CALLS; n++) next();
}

const ATTACKS = {
  /** Asks for what the stream's leader has to be asked for. */
  'GetRoom calls': (session, count) => {
    const request = prefixedFrame(liveService.GetRoom.requestSerialize({ room: 'bench' }));
    repeat(session, () => open(session, 'GetRoom').end(request).resume(), count);
  },
  /** Asks for all of a room, and takes nothing of it. */
  'unread pulls': (session, count) => {
    const request = prefixedFrame(
      liveService.Pull.requestSerialize({ room: 'bench', start: { earliest: {} } }),
    );
    repeat(session, () => open(session, 'Pull').end(request), count);
  },
  /** Begins messages of 4 MiB. */
  'unfinished frames': (session, count) => {
    const part = Buffer.alloc(PART_BYTES);
    part.writeUInt32BE(4 * 2 ** 20 - 5, 1);
    repeat(
      session,
      () => {
        const stream = open(session, 'Connect').resume();
        stream.write(part);
        return stream;
      },
      count,
    );
  },
  /** Joins and leaves one room after the other. */
  'joins and leaves': (session, count) => {
    let room = 0;
    const more = (stream: ClientHttp2Stream): void => {
      for (let writable = true; writable && !stream.destroyed;) {
        count();
        const name = `r${room++}`;
        stream.write(prefixedFrame(encodeClientFrame({ join: { room: name, start: { live: {} } } })));
        writable = stream.write(prefixedFrame(encodeClientFrame({ leave: { room: name } })));
      }
    };
    for (let n = 0; n < 50; n++) {
      const stream = open(session, 'Connect').resume();
      stream.write(prefixedFrame(encodeClientFrame({ hello: {} })));
      stream.on('drain', () => more(stream));
      more(stream);
    }
  },
} satisfies Record<string, Attack>;

export type CallFloodKind = keyof typeof ATTACKS;
export const CALL_FLOOD_KINDS = Object.keys(ATTACKS) as CallFloodKind[];

/** Calls of one kind, as many as the other end takes, on one connection that is opened again whenever it is closed. */
export class CallFlood {
  readonly #url: string;
  readonly #attack: Attack;
  #session: ClientHttp2Session | undefined;
  #frames = 0;
  #closed = 0;
  #stopped = false;

  constructor(port: number, kind: CallFloodKind) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#attack = ATTACKS[kind];
    this.#connect();
  }

  /** Calls opened, or joins sent, and times that the other end has closed the connection. */
  get counts(): { readonly frames: number; readonly closed: number } {
    return { frames: this.#frames, closed: this.#closed };
  }

  stop(): void {
    this.#stopped = true;
    this.#session?.destroy();
  }

  #connect(): void {
    if (this.#stopped) return;
    const session = connect(this.#url, { maxSessionMemory: 1_000 });
    this.#session = session;
    session.on('error', () => undefined);
    session.once('remoteSettings', () =>
      this.#attack(session, () => {
        this.#frames++;
      }),
    );
    session.once('close', () => {
      this.#closed++;
      setTimeout(() => this.#connect(), RECONNECT_MS);
    });
  }
}
