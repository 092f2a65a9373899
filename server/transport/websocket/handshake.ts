import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TraceParent } from '../../observability/tracing.ts';
import type { Problem } from '../http/problem.ts';
import { namesManyHosts, targetOf } from '../http/target.ts';
import { traceParentOf } from '../http/trace-parent.ts';

/** Where viewers connect. */
export const PATH = '/v1/connect';
/** What is spoken: protobuf frames of live.v1, one a message. */
export const SUBPROTOCOL = 'live.v1';
/** In front of a token, where a client can set no headers. Never told back. */
const BEARER_SUBPROTOCOL = 'live.bearer.';

const VERSION = '13';
/** RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const BEARER = /^bearer +/i;

/** What a client that may be served has asked for. */
export interface Handshake {
  readonly kind: 'handshake';
  /** The whole answer. */
  readonly response: string;
  readonly token: string | undefined;
  readonly traceParent: TraceParent | undefined;
}

/** A request that is not served. */
export interface Refused extends Problem {
  readonly kind: 'refused';
  readonly headers?: Readonly<Record<string, string>>;
}

/** Reads a request to speak WebSocket. */
export function readHandshake(request: IncomingMessage): Handshake | Refused {
  const { method, headers } = request;
  if (targetOf(request)?.pathname !== PATH)
    return refused(404, 'NOT_FOUND', `WebSockets are served at ${PATH}`);
  if (namesManyHosts(request))
    return refused(400, 'REQUEST_INVALID', 'there is more than one header host: send one');
  const key = headers['sec-websocket-key'];
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket' || !KEY.test(key ?? ''))
    return refused(400, 'REQUEST_INVALID', 'this is no handshake of WebSocket (RFC 6455)');
  if (headers['sec-websocket-version'] !== VERSION)
    return {
      ...refused(426, 'REQUEST_INVALID', `the version of WebSocket that is spoken is ${VERSION}`),
      headers: { 'sec-websocket-version': VERSION },
    };
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(SUBPROTOCOL))
    return refused(400, 'REQUEST_INVALID', `ask for the sub-protocol ${SUBPROTOCOL}`);
  const accept = hash('sha1', `${key}${GUID}`, 'base64');
  const response = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`;
  return {
    kind: 'handshake',
    response,
    token: tokenOf(headers.authorization, offered),
    traceParent: traceParentOf(headers),
  };
}

function tokenOf(authorization: string | undefined, offered: readonly string[]): string | undefined {
  if (authorization !== undefined && BEARER.test(authorization)) return authorization.replace(BEARER, '');
  return offered.find((name) => name.startsWith(BEARER_SUBPROTOCOL))?.slice(BEARER_SUBPROTOCOL.length);
}

function refused(status: number, reason: string, detail: string): Refused {
  return { kind: 'refused', status, reason, detail };
}
