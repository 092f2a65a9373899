import { webSocketFrame } from '../helpers/web-socket-attacker.ts';
import type { Chance } from './chance.ts';
import { bearer, requestBytes } from './http-requests.ts';
import { clientFrame, HELLO } from './spoken.ts';

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const KEYS = ['dGhlIHNhbXBsZSBub25jZQ==', '', 'x', 'dGhlIHNhbXBsZSBub25jZQ==, x', 'A'.repeat(10_000)];
const PROTOCOLS = ['live.v1', 'live.v2', '', ',,,', 'live.v1,live.v1', 'LIVE.V1', 'live.bearer.x', 'a b'];
const CLOSES = [0, 999, 1000, 1001, 1004, 1005, 1006, 1015, 2999, 3000, 4999, 65_535];
const LENGTHS = [125, 126, 127, 65_535, 65_536, 4 * 2 ** 20, 4 * 2 ** 20 + 1, 2 ** 31, 2 ** 32, 2 ** 53];

/** A request to speak WebSocket that is in order. */
export function handshake(token: string): Buffer {
  return requestBytes({ path: '/v1/connect', headers: handshakeHeaders(bearer(token)) });
}

/** One that is not, with something behind it. */
export function oddHandshake(chance: Chance, token: string): Buffer[] {
  const headers = [
    `Upgrade: ${chance.pick(['websocket', 'websocket', 'WebSocket', 'h2c', 'websocket, h2c'])}`,
    `Connection: ${chance.pick(['Upgrade', 'Upgrade', 'close, upgrade', 'keep-alive'])}`,
    `Sec-WebSocket-Version: ${chance.pick(['13', '13', '8', '13, 8', '', '-1'])}`,
    `Sec-WebSocket-Key: ${chance.pick(KEYS)}`,
    `Sec-WebSocket-Protocol: ${chance.pick(PROTOCOLS)}`,
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99',
    `Sec-WebSocket-Protocol: live.v1, live.bearer.${token}`,
    `Origin: ${chance.pick(['http://fuzz', 'null', 'https://shop.example', '://', 'http://fuzz.example'])}`,
  ].filter(() => chance.happens(0.8));
  const method = chance.pick(['GET', 'GET', 'POST', 'HEAD']);
  const path = chance.pick(['/v1/connect', '/v1/connect?x', '/v1/connect/', '/v1/rooms/tea/events']);
  const request = requestBytes({ method, path, headers });
  return [...chance.split(chance.happens(0.3) ? chance.mutate(request) : request), anyFrame(chance)];
}

/** A viewer that says what none says: frames of WebSocket of any kind. */
export function oddFrames(chance: Chance, token: string): Buffer[] {
  const frames = chance.several(20, () => (chance.happens(0.5) ? anyFrame(chance) : inParts(chance)));
  return [...greeting(chance, token), ...chance.split(Buffer.concat(frames))];
}

/** A viewer whose frames are in order for WebSocket, but not for us. */
export function oddMessages(chance: Chance, token: string): Buffer[] {
  const message = (): Buffer => masked(chance, BINARY, chance.mutate(clientFrame(chance)));
  return [...greeting(chance, token), ...chance.split(Buffer.concat(chance.several(12, message)))];
}

/** One thing over and over: pings, empty parts, small frames. */
export function flood(chance: Chance, token: string): Buffer[] {
  const one = chance.pick([
    webSocketFrame(PING, Buffer.alloc(125)),
    webSocketFrame(PONG),
    webSocketFrame(CONTINUATION, Buffer.alloc(0), { final: false }),
    webSocketFrame(BINARY, clientFrame(chance)),
    webSocketFrame(BINARY),
  ]);
  const begun = webSocketFrame(BINARY, Buffer.alloc(1), { final: false });
  return [
    ...greeting(chance, token),
    ...(chance.happens(0.5) ? [begun] : []),
    Buffer.concat(Array<Buffer>(1_000).fill(one)),
  ];
}

function handshakeHeaders(authorization: string): string[] {
  return [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${KEYS[0]}`,
    'Sec-WebSocket-Protocol: live.v1',
    authorization,
  ];
}

/** In one piece or in two: what stands behind a handshake may come with it. */
function greeting(chance: Chance, token: string): Buffer[] {
  const pieces = [handshake(token), ...(chance.happens(0.9) ? [masked(chance, BINARY, HELLO)] : [])];
  return chance.happens(0.5) ? [Buffer.concat(pieces)] : pieces;
}

/** As a client sends it. */
function masked(chance: Chance, opcode: number, payload: Buffer, final = true): Buffer {
  const frame = webSocketFrame(opcode, payload, { final });
  const key = Buffer.from(Array.from({ length: 4 }, () => chance.below(256)));
  const body = frame.length - payload.length;
  key.copy(frame, body - key.length);
  for (const [at, byte] of payload.entries()) frame[body + at] = byte ^ (key[at % key.length] as number);
  return frame;
}

function anyFrame(chance: Chance): Buffer {
  const opcode = chance.happens(0.7)
    ? chance.pick([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG])
    : chance.below(16);
  return webSocketFrame(opcode, payloadOf(chance, opcode), {
    final: chance.happens(0.7),
    reserved: chance.happens(0.1) ? chance.below(8) << 4 : 0,
    masked: chance.happens(0.95),
    ...(chance.happens(0.1) ? { announced: chance.pick(LENGTHS) } : {}),
  });
}

function payloadOf(chance: Chance, opcode: number): Buffer {
  if (chance.happens(0.1)) return Buffer.alloc(0);
  if (opcode !== CLOSE) return chance.bytes(chance.happens(0.1) ? 3_000 : 125);
  const code = Buffer.alloc(2);
  code.writeUInt16BE(chance.pick(CLOSES));
  return Buffer.concat([code, chance.bytes(50)]).subarray(0, chance.happens(0.1) ? 1 : undefined);
}

/** A message in parts, with frames between them that belong to none. */
function inParts(chance: Chance): Buffer {
  const message = clientFrame(chance);
  const at = chance.below(message.length + 1);
  return Buffer.concat([
    masked(chance, BINARY, message.subarray(0, at), false),
    ...chance.several(3, () => webSocketFrame(PING, chance.bytes(10))),
    masked(chance, CONTINUATION, message.subarray(at), chance.happens(0.9)),
  ]);
}
