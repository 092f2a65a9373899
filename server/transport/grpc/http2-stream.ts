import type { ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

/*
 * Access: `stream` of the call that a server's interceptor is given.
 * If it changes: every call of Connect is refused, and says so.
 * Instead, once there is one: a call that sends messages encoded beforehand as they are, without a copy.
 */

/**
 * The HTTP/2 stream under a call of grpc-js. Frames that are written to it directly need no copy a viewer and do not pass
 * through a second stream: a fifth of what a write costs. Everything else about the call stays with grpc-js, which
 * has no public name for the stream; hence its exact version in package.json.
 * @throws when grpc-js keeps it elsewhere
 */
export function http2StreamOf(call: object): ServerHttp2Stream {
  const { stream } = call as { stream?: unknown };
  if (stream instanceof Duplex) return stream as ServerHttp2Stream;
  throw new Error('this version of @grpc/grpc-js keeps the HTTP/2 stream of a call elsewhere');
}
