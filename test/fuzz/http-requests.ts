import type { Chance } from './chance.ts';

/** A request of HTTP/1.1, and how its body is announced and sent. */
export interface HttpRequest {
  readonly method?: string;
  readonly path: string;
  /** Lines, without their ends. */
  readonly headers?: readonly string[];
  readonly body?: Buffer;
}

export const PATHS = [
  '/v1/rooms/tea',
  '/v1/rooms/tea/messages',
  '/v1/rooms/full/messages?limit=1000',
  '/v1/rooms/tea/messages?from=last:3&limit=2',
  '/v1/rooms/tea/events',
  '/v1/rooms/tea/events?from=last:10',
  '/v1/rooms/%74ea/%65vents?token=&token=x',
  '/v1/rooms/../../metrics',
  '/v1/rooms/',
  '/v1/rooms/%',
  '/v1/rooms//events',
  `/v1/rooms/${'x'.repeat(9_000)}`,
  '/v1/connect',
  '/v1/openapi.json',
  '/live.v1.Live/GetRoom',
  '/live.v1.Live/__proto__',
  'http://elsewhere/v1/rooms/tea',
  '//elsewhere/v1/rooms/tea',
  'http://[/',
  '*',
  '/',
] as const;
const SPOKEN_METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'CONNECT',
  'TRACE',
  'PRI',
  'get',
];
const ODD_HEADERS = [
  'Host: x, y',
  'Host:',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'Connection: close',
  'Connection: keep-alive, upgrade',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
  'Origin: null',
  'Origin: http://fuzz',
  'Accept: text/event-stream',
  'Accept-Encoding: gzip, br',
  'Content-Encoding: gzip',
  'Content-Type: application/json; charset=utf-16',
  'Content-Type: application/proto',
  'Range: bytes=0-1',
  'Trailer: x',
  'TE: trailers',
  'X-Forwarded-For: 127.0.0.1, ::1, nobody',
  'Forwarded: for=_x',
  'Authorization: Basic eDp4',
  'Idempotency-Key: "',
  'Connect-Protocol-Version: 2',
  'Connect-Timeout-Ms: 1',
  'Connect-Timeout-Ms: -1',
  'Last-Event-ID: x',
  'no colon',
  ': no name',
  ' folded: x',
  'Na me: x',
  'X: a\0b',
  'X: a\rb',
  'X: a\nb',
  'X\t: x',
  `X: ${'x'.repeat(15_000)}`,
  `X: ${'x'.repeat(40_000)}`,
  '__proto__: x',
];

/** A request as it stands on a connection. */
export function requestBytes({ method = 'GET', path, headers = [], body }: HttpRequest): Buffer {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: fuzz', ...headers, ...length];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}

/** Who asks may do so. */
export function bearer(token: string): string {
  return `Authorization: Bearer ${token}`;
}

/** One with headers, a method or a path that nobody would send. */
export function oddRequest(chance: Chance, token: string): Buffer {
  const headers = chance.several(5, () => chance.pick(ODD_HEADERS));
  if (chance.happens(0.05)) headers.push(...Array.from({ length: 3_000 }, (_, n) => `x${n}: `));
  if (chance.happens(0.7)) headers.push(bearer(token));
  const path = chance.pick(PATHS);
  const request = requestBytes({
    method: chance.pick(SPOKEN_METHODS),
    path: chance.happens(0.2) ? chance.mutateText(path) : path,
    headers,
    ...(chance.happens(0.3) ? { body: chance.bytes(100) } : {}),
  });
  return chance.happens(0.2) ? chance.mutate(request) : request;
}

/** One whose end is somewhere else to one reader than to another. */
export function smuggling(chance: Chance, token: string): Buffer {
  const hidden = requestBytes({ path: '/v1/rooms/tea', headers: [bearer(token)] }).toString('latin1');
  const size = hidden.length.toString(16);
  const announced = [
    ['Content-Length: 0', `Content-Length: ${hidden.length}`],
    [`Content-Length: ${hidden.length}, 0`],
    ['Content-Length: 0', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding: identity, chunked'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding:\x0bchunked'],
    ['Transfer-Encoding: xchunked'],
    ['X: y', ' Transfer-Encoding: chunked'],
    ['Content-Length: +5'],
    ['Content-Length: 0x5'],
    ['Content-Length: -1'],
    ['Content-Length: 99999999999999999999'],
    ['Transfer-Encoding: chunked'],
  ];
  const bodies = [
    `0\r\n\r\n${hidden}`,
    `${size}\r\n${hidden}\r\n0\r\n\r\n`,
    `${size};${'x'.repeat(chance.below(20_000))}\r\n${hidden}\r\n0\r\n\r\n`,
    `0${size}\n${hidden}\n0\n\n`,
    `-1\r\n${hidden}`,
    `fffffffffffffffff\r\n${hidden}`,
    `0\r\nContent-Length: 3\r\nHost: y\r\n\r\n${hidden}`,
    `${size}\r\n${hidden}`,
    hidden,
  ];
  const path = chance.pick([
    '/v1/rooms/tea',
    '/v1/rooms/tea/messages',
    '/live.v1.Live/GetRoom',
    '/v1/connect',
  ]);
  const type = chance.pick(['application/json', 'application/proto']);
  const headers = [bearer(token), `Content-Type: ${type}`, ...chance.pick(announced)];
  const head = requestBytes({ method: chance.pick(['POST', 'GET']), path, headers });
  return Buffer.concat([head, Buffer.from(chance.pick(bodies), 'latin1')]);
}
