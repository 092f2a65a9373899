import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';

/*
 * Access: `createHttp2Server` of grpc-js' Server, by which it makes the HTTP/2 server that connections are handed to, the listener that it puts on
 * that server for streams, the bound of headers, for which it has no option, and `handlers`, its methods by their paths.
 * If it changes: the gateway does not start, and says so.
 * Instead, once there is one: a hook for connections, and one that calls pass before they cost anything.
 */

/** Who is told of what comes, before grpc-js is. */
export interface Http2Guard {
  /** A connection speaks HTTP/2 now. */
  connected(session: ServerHttp2Session): void;
  /** A stream is begun with whose call has more headers than may be. */
  tooManyHeaders(stream: ServerHttp2Stream): void;
  /** A stream is begun with whose call is of no method that there is, or no call of gRPC: `answer` says so. */
  noSuchMethod(stream: ServerHttp2Stream, answer: () => void): void;
  /** A stream was opened; it is begun with by `start`, and grpc-js knows nothing of it if that is never called. To end a session from here is to crash Node. */
  opened(stream: ServerHttp2Stream, start: () => void): void;
}

/** Headers of a call, as HTTP/2 counts them: a token of 8 KiB, and as much for the rest. A call with more is reset (ENHANCE_YOUR_CALM). */
const MAX_HEADER_BYTES = 16 * 1024;

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

/**
 * Puts a guard in front of a server that has no connection yet.
 * @throws when grpc-js makes its HTTP/2 servers otherwise
 */
export function guardHttp2(server: Server, guard: Http2Guard): void {
  const maker = server as unknown as {
    createHttp2Server?: (...args: unknown[]) => Http2Server;
    handlers?: ReadonlyMap<string, unknown>;
  };
  const make = maker.createHttp2Server?.bind(server);
  const { handlers } = maker;
  if (make === undefined || !(handlers instanceof Map)) throw changed();
  const isCall = (headers: IncomingHttpHeaders): boolean =>
    handlers.has(headers[':path']) && headers['content-type']?.startsWith('application/grpc') === true;
  maker.createHttp2Server = (...args) => {
    const http2 = make(...args);
    const [take, ...others] = http2.listeners('stream') as StreamListener[];
    if (take === undefined || others.length > 0) throw changed();
    http2.removeAllListeners('stream');
    http2.on('stream', ((stream, headers, flags, rawHeaders) => {
      // HTTP/2 keeps to its settings once they are acknowledged. Some never are.
      const tooMany = stream.session?.pendingSettingsAck === true && sizeOf(rawHeaders) > MAX_HEADER_BYTES;
      if (tooMany) guard.opened(stream, () => guard.tooManyHeaders(stream));
      else if (isCall(headers)) guard.opened(stream, () => take(stream, headers, flags, rawHeaders));
      else
        guard.opened(stream, () =>
          guard.noSuchMethod(stream, () => take(stream, headers, flags, rawHeaders)),
        );
    }) as StreamListener);
    http2.updateSettings({ maxHeaderListSize: MAX_HEADER_BYTES });
    http2.on('session', (session: ServerHttp2Session) => guard.connected(session));
    return http2;
  };
}

/** As HTTP/2 counts: RFC 9113, section 6.5.2. */
function sizeOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((size, part) => size + part.length, 16 * rawHeaders.length);
}

function changed(): Error {
  return new Error('this version of @grpc/grpc-js makes its HTTP/2 servers otherwise');
}
