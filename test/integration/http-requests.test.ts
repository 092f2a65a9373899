import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { HANDSHAKE } from '../helpers/web-socket-attacker.ts';

const HOST = 'host: localhost\r\n';
const GET = `GET /v1/rooms/nobody HTTP/1.1\r\n${HOST}\r\n`;
const BODY = '{"type":"gift"}';
const POST = `POST /v1/rooms/demo/messages HTTP/1.1\r\n${HOST}content-type: application/json\r\n`;
const H2C = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n';

describe('Isolated: requests that proxies may read otherwise', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let socket: Socket;
  let answer: string;
  let ended: boolean;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  beforeEach(() => {
    answer = '';
    ended = false;
    socket = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('close', () => (ended = true)).on('error', () => undefined);
  });

  afterEach(() => socket.destroy());

  const statuses = (): string[] => [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status);

  const SMUGGLED: Record<string, string> = {
    'two lengths': `${POST}content-length: 15\r\ncontent-length: 0\r\n\r\n${BODY}`,
    'a length that is a list': `${POST}content-length: 0, 15\r\n\r\n${BODY}`,
    'a length with a sign': `${POST}content-length: +15\r\n\r\n${BODY}`,
    'a length and chunks': `${POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks that are not the last encoding': `${POST}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    'another encoding than chunks': `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'a name with a space behind it': `${POST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n`,
    'a folded header': `${POST}x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'lines that end with LF': GET.replaceAll('\r\n', '\n'),
    'chunks whose lines end with LF': `${POST}transfer-encoding: chunked\r\n\r\nf\n${BODY}\n0\n\n`,
    'a CR within a header': GET.replace('host', 'x: a\rb: c\r\nhost'),
    'two hosts': GET.replace(HOST, `${HOST}${HOST}`),
    'two hosts for a WebSocket': HANDSHAKE.replace('Host', 'Host: elsewhere\r\nHost').replace(
      'elsewhere',
      'localhost',
    ),
    'no host': GET.replace(HOST, ''),
  };
  for (const [what, bytes] of Object.entries(SMUGGLED))
    it(`with ${what} are refused, and what is behind them is not read`, async () => {
      socket.write(bytes + GET);
      await until('the connection has ended', () => ended);
      assert.deepEqual(statuses(), ['400'], answer);
    });

  for (const target of [
    '//elsewhere/v1/rooms/nobody',
    '/\\elsewhere/v1/rooms/nobody',
    '/x/../v1/rooms/nobody',
    '/x/%2e%2e/v1/rooms/nobody',
    '/v1\\rooms\\nobody',
    '*',
  ])
    it(`for ${target} are not taken for another path`, async () => {
      socket.write(GET.replace('/v1/rooms/nobody', target));
      await until('it is answered', () => answer.includes('"reason":"NOT_FOUND"'));
    });

  it('for a whole address are for its path', async () => {
    socket.write(GET.replace('/v1', 'http://localhost/v1'));
    await until('it is answered', () => answer.includes('ROOM_UNKNOWN'));
  });

  for (const [what, request] of [
    ['WebSocket', HANDSHAKE],
    ['HTTP/2', GET.replace(HOST, HOST + H2C)],
  ] as const)
    it(`to speak ${what} are not answered before what was asked first`, async () => {
      socket.write(GET + request);
      await until('the connection has ended', () => ended);
      assert.deepEqual(statuses(), ['404', '400'], answer);
      assert.match(answer, /REQUEST_INVALID/);
      assert.equal(gateway.stats.sessions, 0);
    });

  it('with headers of more than 16 KiB are refused', async () => {
    socket.write(GET.replace('host', `x: ${'y'.repeat(16 * 1024)}\r\nhost`));
    await until('the connection has ended', () => ended);
    assert.deepEqual(statuses(), ['431'], answer);
  });

  it('to speak WebSocket are answered on a connection that was used before', async () => {
    socket.write(GET);
    await until('it is answered', () => answer.includes('ROOM_UNKNOWN'));
    socket.write(HANDSHAKE);
    await until('it is taken over', () => statuses().at(-1) === '101');
  });

  it('that offer HTTP/2, as those of Java do, are answered as if they did not', async () => {
    socket.write(`${POST}${H2C}content-length: ${BODY.length}\r\n\r\n${BODY.slice(0, 5)}`);
    socket.write(BODY.slice(5));
    await until('it is answered', () => answer.includes('{"seq":1,"duplicate":false}'));
    assert.match(answer, /connection: close/i);
    await until('the connection has ended', () => ended);
  });
});
