import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

const HTTP = { http: { host: '127.0.0.1', port: 0 } };
const MIB = 2 ** 20;

interface Page {
  readonly gap?: { after: number; next: number; cause: string };
  readonly reset?: { cause: string };
  readonly messages: { seq: number; payload?: string; payloadBase64?: string }[];
  readonly cursor: string;
  readonly head: number;
  readonly more: boolean;
}

interface Problem {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  readonly retryAfterMs?: number;
}

const POST = 'POST /v1/rooms/demo/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

describe('rooms over HTTP', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let sockets: Socket[];

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(async () => {
    sockets = [];
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, HTTP, { clock });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  const at = (path: string): string => `http://${gateway.http}/v1/rooms/${path}`;

  function post(body: unknown, headers: Record<string, string> = {}, room = 'demo'): Promise<Response> {
    return fetch(at(`${room}/messages`), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    });
  }

  async function problemOf(answered: Response): Promise<string> {
    assert.equal(answered.headers.get('content-type'), 'application/problem+json');
    assert.equal(answered.headers.get('cache-control'), 'no-store');
    const { status, reason, detail, retryAfterMs } = (await answered.json()) as Problem;
    assert.equal(status, answered.status);
    const retryAfter = retryAfterMs === undefined ? null : `${Math.ceil(retryAfterMs / 1_000)}`;
    assert.equal(answered.headers.get('retry-after'), retryAfter);
    assert.ok(detail.length > 10, 'a person is told what to do');
    return `${status} ${reason}`;
  }

  async function page(query = ''): Promise<Page> {
    const answered = await fetch(at(`demo/messages${query}`));
    assert.equal(answered.status, 200);
    assert.equal(answered.headers.get('content-type'), 'application/json');
    assert.equal(answered.headers.get('cache-control'), 'no-store');
    return (await answered.json()) as Page;
  }

  /** A connection by hand, and what it has been answered. */
  async function raw(): Promise<{ socket: Socket; answer: () => string; ended: () => boolean }> {
    const socket = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    let ended = false;
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('close', () => (ended = true));
    socket.on('error', () => undefined);
    await until('it is connected', () => socket.readyState === 'open');
    return { socket, answer: () => answer, ended: () => ended };
  }

  describe('publishing', () => {
    it('stores a message, and once only with the same key', async () => {
      const message = { type: 'gift', sender: 'ann', payload: 'rose', headers: { colour: 'red' } };
      const answers: unknown[] = [];
      for (const key of ['one', '"one"', 'two'])
        answers.push(await (await post(message, { 'idempotency-key': key })).json());
      assert.deepEqual(answers, [
        { seq: 1, duplicate: false },
        { seq: 1, duplicate: true },
        { seq: 2, duplicate: false },
      ]);
      const { messages } = await page();
      const { timeMs, ...told } = messages[0] as unknown as Record<string, unknown>;
      assert.equal(typeof timeMs, 'number');
      assert.deepEqual(told, {
        seq: 1,
        prevSeq: 0,
        type: 'gift',
        class: 'reliable',
        sender: 'ann',
        id: 'demo:ann:one',
        headers: { colour: 'red' },
        payload: 'rose',
      });
    });

    it('takes bytes as base64, and types that are not known with their class', async () => {
      const answered = await post({ type: 'mine', class: 'reliable', payloadBase64: '/wA=' });
      assert.deepEqual(await answered.json(), { seq: 1, duplicate: false });
      assert.equal((await page()).messages[0]?.payloadBase64, '/wA=');
      const ephemeral = await post({ type: 'mine', class: 'ephemeral', payload: '' });
      assert.deepEqual(await ephemeral.json(), { seq: 0, duplicate: false });
    });

    it('takes names that are written otherwise, and texts whatever is in them', async () => {
      const body = { type: 'gift', payload: `"${','.repeat(5_000)}` };
      const answered = await post(body, { 'content-type': 'Application/JSON; charset=utf-8' }, 'd%65mo');
      assert.equal(answered.status, 200);
      assert.equal((await page()).messages[0]?.payload, body.payload);
    });

    const wrong: readonly (readonly [string, unknown, string])[] = [
      ['no JSON', '{', '400 MALFORMED_FRAME'],
      ['no object', '[]', '400 MALFORMED_FRAME'],
      ['no UTF-8', Buffer.from('{"type":"\xff"}', 'latin1'), '400 MALFORMED_FRAME'],
      ['thousands of values', { type: 'gift', headers: values(5_000) }, '400 MALFORMED_FRAME'],
      ['brackets in brackets', '['.repeat(MIB), '400 MALFORMED_FRAME'],
      ['no type', { payload: 'x' }, '400 REQUEST_INVALID'],
      ['a field that there is not', { type: 'gift', key: 'k' }, '400 REQUEST_INVALID'],
      ['a class that there is not', { type: 'x', class: 'RELIABLE' }, '400 REQUEST_INVALID'],
      ['a class named as nothing', { type: 'x', class: 'toString' }, '400 REQUEST_INVALID'],
      ['a number for a text', { type: 'gift', payload: 1 }, '400 REQUEST_INVALID'],
      ['two payloads', { type: 'gift', payload: '', payloadBase64: '' }, '400 REQUEST_INVALID'],
      ['half a character', '{"type":"gift","payload":"\\ud800"}', '400 REQUEST_INVALID'],
      ['what is no base64', { type: 'gift', payloadBase64: '_w==' }, '400 REQUEST_INVALID'],
      ['base64 without its padding', { type: 'gift', payloadBase64: '/w' }, '400 REQUEST_INVALID'],
      ['headers that are none', { type: 'gift', headers: ['a'] }, '400 REQUEST_INVALID'],
      ['a header of ours', { type: 'gift', headers: { 'Live-Type': 'x' } }, '400 MESSAGE_INVALID'],
      ['an unknown type without class', { type: 'mine' }, '400 TYPE_UNKNOWN'],
      ['another class', { type: 'gift', class: 'ephemeral' }, '400 CLASS_CONFLICT'],
      ['too large a payload', { type: 'gift', payload: 'x'.repeat(1.5 * MIB) }, '400 PAYLOAD_TOO_LARGE'],
      ['too large a request', { type: 'gift', payload: 'x'.repeat(6 * MIB) }, '429 REQUEST_TOO_LARGE'],
    ];
    for (const [name, body, expected] of wrong) {
      it(`refuses ${name}: ${expected}`, async () => {
        assert.equal(await problemOf(await post(body)), expected);
      });
    }

    it('refuses what is not called JSON, is compressed, or has no room', async () => {
      assert.equal(await problemOf(await post({}, { 'content-type': 'text/plain' })), '400 REQUEST_INVALID');
      for (const key of [`"${'k'.repeat(257)}"`, 'k'.repeat(257), 'two keys', '"']) {
        const keyed = await post({ type: 'gift' }, { 'idempotency-key': key });
        assert.equal(await problemOf(keyed), '400 REQUEST_INVALID', key);
      }
      const zipped = await post({}, { 'content-encoding': 'gzip' });
      assert.equal(await problemOf(zipped), '501 COMPRESSION_UNSUPPORTED');
      for (const room of ['no%20room', '%', '%00', 'a%2Fb'])
        assert.equal(await problemOf(await post({ type: 'gift' }, {}, room)), '400 ROOM_NAME_INVALID');
    });

    it('refuses a body of chunks that has become too large', async () => {
      const { socket, answer } = await raw();
      socket.write(`${POST}transfer-encoding: chunked\r\n\r\n`);
      for (let sent = 0; sent <= 5; sent++) socket.write(`100000\r\n${'x'.repeat(MIB)}\r\n`);
      await until('it is refused', () => answer().includes('REQUEST_TOO_LARGE'));
    });

    it('refuses a body that is announced to be too large before any of it has come', async () => {
      const { socket, answer } = await raw();
      socket.write(`${POST}content-length: 100000000\r\n\r\n`);
      await until('it is refused', () => answer().includes('REQUEST_TOO_LARGE'));
    });

    it('refuses who holds more of what is not complete than one connection may', async () => {
      await gateway.close();
      gateway = await startTestGateway(nats.url, { ...HTTP, receiveBytes: 4 * MIB }, { clock });
      const { socket, answer, ended } = await raw();
      socket.write(`${POST}content-length: ${4 * MIB}\r\n\r\n${'x'.repeat(3 * MIB)}`);
      await until('it is refused', () => answer().includes('RECEIVE_LIMIT'));
      await until('its connection is closed', ended);
      assert.equal(gateway.stats.receivingBytes, 0);
    });

    for (const [what, request, status] of [
      ['by a method that is none', 'DELETE /v1/rooms/demo', 405],
      ['of another type', 'POST /live.v1.Live/GetRoom', 415],
      [
        'that is compressed',
        'POST /live.v1.Live/GetRoom HTTP/1.1\r\ncontent-type: application/proto\r\ncontent-encoding: gzip',
        501,
      ],
    ] as const)
      it(`reads no more of a request ${what} than it takes to refuse it`, async () => {
        const { socket, answer, ended } = await raw();
        const [line, ...headers] = request.split(' HTTP/1.1\r\n');
        socket.write(
          [`${line} HTTP/1.1`, 'host: localhost', 'content-length: 100000', ...headers, '', 'x'].join('\r\n'),
        );
        await until('it is refused, and that was it', ended);
        assert.match(answer(), new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nconnection: close\r\n`, 'i'));
      });

    it('waits so long for a body, counts what it holds of it, and forgets who has gone', async () => {
      const [slow, gone] = [await raw(), await raw()];
      for (const { socket } of [slow, gone])
        socket.write(`${POST}content-length: 100000\r\n\r\n${'x'.repeat(5_000)}`);
      await until('both are held', () => gateway.stats.receivingBytes >= 10_000);
      gone.socket.destroy();
      await until('one is forgotten', () => gateway.stats.receivingBytes < 10_000);
      await until('that is counted', () => gateway.stats.refused.get('MALFORMED_FRAME') === 1);
      clock.skip(40_000);
      await until('the other is told', () => slow.answer().includes('FRAME_TIMEOUT'));
      assert.match(slow.answer(), /^HTTP\/1.1 504 [^]*\r\nretry-after: [1-9]/i);
      await until('its connection is closed', slow.ended);
      assert.equal(gateway.stats.receivingBytes, 0);
    });
  });

  describe('reading', () => {
    beforeEach(async () => {
      await producer.burst('else', ['x']);
      for (const payload of ['one', 'two', 'three', 'four', 'five']) await producer.publish('demo', payload);
    });

    const seqs = ({ messages }: Page): number[] => messages.map(({ seq }) => seq);

    it('describes a room', async () => {
      const answered = await fetch(at('demo'));
      const { epoch, ...room } = (await answered.json()) as Record<string, unknown>;
      assert.match(String(epoch), /LIVE/);
      assert.deepEqual(room, { room: 'demo', head: 6, first: 2, count: 5, audience: 0 });
      assert.equal(await problemOf(await fetch(at('nobody'))), '404 ROOM_UNKNOWN');
    });

    it('gives page after page, with the cursor for the next', async () => {
      const first = await page('?limit=2');
      assert.deepEqual([seqs(first), first.head, first.more], [[2, 3], 6, true]);
      const second = await page(`?after=${first.cursor}&limit=3`);
      assert.deepEqual([seqs(second), second.more], [[4, 5, 6], false]);
      const last = await page(`?after=${second.cursor}`);
      assert.deepEqual([seqs(last), last.more], [[], false]);
      await producer.publish('demo', 'six');
      assert.deepEqual(seqs(await page(`?after=${last.cursor}`)), [7]);
    });

    it('gives the last ones, and nothing from live', async () => {
      assert.deepEqual(seqs(await page('?from=last:2')), [5, 6]);
      assert.deepEqual(seqs(await page('?from=live')), []);
    });

    it('tells of a gap before what comes after it', async () => {
      const first = await page('?limit=1');
      await gateway.close();
      await producer.jsm.streams.purge(producer.stream, { seq: 5 });
      gateway = await startTestGateway(nats.url, HTTP);
      const { gap, messages, more } = await page(`?after=${first.cursor}`);
      assert.deepEqual(gap, { after: 2, next: 5, cause: 'RETENTION' });
      assert.deepEqual([messages.map(({ seq }) => seq), more], [[5, 6], false]);
    });

    it('tells of a reset, and goes on in the new history', async () => {
      const all = await page();
      await gateway.close();
      await producer.deleteStream();
      gateway = await startTestGateway(nats.url, HTTP);
      await producer.publish('demo', 'anew');
      const { reset, messages, cursor } = await page(`?after=${all.cursor}`);
      assert.deepEqual([reset, messages.length], [{ cause: 'RECREATED' }, 1]);
      assert.equal((await page(`?after=${cursor}`)).reset, undefined);
    });

    it('refuses what is no place and no number', async () => {
      const { cursor } = await page();
      // A field that is not known, of a kilobyte.
      const tail = Buffer.concat([Buffer.from([0x7a, 0xff, 0x07]), Buffer.alloc(1_023)]);
      const long = Buffer.concat([Buffer.from(cursor, 'base64url'), tail]).toString('base64url');
      for (const query of ['?after=x', '?after=', `?after=${long}`, '?from=soon', '?from=last:0'])
        assert.equal(await problemOf(await fetch(at(`demo/messages${query}`))), '400 START_INVALID', query);
      for (const query of ['?limit=0', '?limit=1001', '?limit=ten', '?limit='])
        assert.equal(await problemOf(await fetch(at(`demo/messages${query}`))), '400 REQUEST_INVALID', query);
    });

    it('breaks off a page that cannot be ended, and does not say where to go on', async () => {
      await gateway.close();
      gateway = await startTestGateway(
        nats.url,
        { ...HTTP, roomLogBytes: 2 ** 20, logBytes: 2 ** 21 },
        { clock },
      );
      const payload = 'x'.repeat(512 * 1024);
      for (let stored = 0; stored < 40; stored++) await producer.publish('demo', payload);
      const { socket, answer, ended } = await raw();
      socket.write('GET /v1/rooms/demo/messages HTTP/1.1\r\nhost: localhost\r\n\r\n');
      await until('it has begun', () => answer().includes('{"messages":['));
      socket.pause();
      await nats.pause();
      try {
        socket.resume();
        await until('it has ended', () => {
          clock.skip(1_000);
          return ended();
        });
      } finally {
        nats.resume();
      }
      assert.doesNotMatch(answer(), /"cursor"|\r\n0\r\n\r\n$/);
    });

    it('answers HEAD without a body', async () => {
      for (const path of ['demo', 'demo/messages']) {
        const answered = await fetch(at(path), { method: 'HEAD' });
        assert.deepEqual([answered.status, await answered.text()], [200, '']);
      }
    });

    it('answers requests that are sent without waiting one after the other', async () => {
      const { socket, answer } = await raw();
      socket.write('GET /v1/rooms/demo/messages?limit=1 HTTP/1.1\r\nhost: localhost\r\n\r\n');
      socket.write('GET /v1/rooms/demo/messages?limit=1 HTTP/1.1\r\nhost: localhost\r\n\r\n');
      await until('both are answered', () => answer().split('"more":true').length === 3);
    });
  });

  it('answers what was asked before it goes', async () => {
    await gateway.close();
    // Last words have half a second, which may be short on a machine that is busy.
    const slow: Clock = { ...systemClock, after: (ms, fn) => systemClock.after(100 * ms, fn) };
    gateway = await startTestGateway(nats.url, HTTP, { clock: slow });
    const { socket, answer, ended } = await raw();
    const body = JSON.stringify({ type: 'gift', payload: 'a rose' });
    socket.write(`${POST}content-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
    await until('it has begun', () => gateway.stats.receivingBytes > 0);
    const drained = gateway.drain(0);
    socket.write(body.slice(10));
    await until('the connection has ended', ended);
    assert.match(answer(), /connection: close.*{"seq":1,"duplicate":false}/is);
    await drained;
  });

  it('tells what there is to other methods, and nothing of other paths', async () => {
    for (const [path, allowed] of [
      ['demo', 'GET, HEAD, OPTIONS'],
      ['demo/messages', 'GET, HEAD, POST, OPTIONS'],
      ['demo/events', 'GET, OPTIONS'],
    ] as const) {
      const answered = await fetch(at(path), { method: 'DELETE' });
      assert.equal(answered.headers.get('allow'), allowed);
      assert.equal(await problemOf(answered), '405 METHOD_NOT_ALLOWED');
    }
    assert.equal((await fetch(at('demo/events'), { method: 'HEAD' })).status, 405);
    for (const path of ['', 'demo/', 'demo/else', 'demo/messages/1', 'demo/toString', 'demo/constructor'])
      assert.equal(await problemOf(await fetch(at(path))), '404 NOT_FOUND', path);
  });

  describe('Isolated: on one connection', () => {
    const get = (path: string): string => `GET /v1/rooms/${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;

    it('hundreds of requests at once are answered in turn', async () => {
      const { socket, answer } = await raw();
      socket.write(get('no+room').repeat(1_000));
      await until('all are answered', () => answer().split('ROOM_NAME_INVALID').length === 2_001);
      assert.equal((await fetch(at('nobody'))).status, 404);
    });

    it('events behind a request that is not answered are refused, and nothing is held for them', async () => {
      const { socket, answer } = await raw();
      socket.write(get('demo/events') + get('demo/events').repeat(100));
      await until('the first has begun', () => answer().includes('caught-up'));
      assert.equal(gateway.stats.sessions, 1);
      socket.destroy();
      await until('it has gone', () => gateway.stats.sessions === 0);
    });

    it('who does not take a page is cut off', async () => {
      await gateway.close();
      gateway = await startTestGateway(nats.url, { ...HTTP, slowConsumerTimeoutMs: 1_000 });
      const payload = 'x'.repeat(512 * 1024);
      for (let stored = 0; stored < 40; stored++) await producer.publish('demo', payload);
      const { socket } = await raw();
      socket.pause();
      socket.write(get('demo/messages?limit=1000'));
      await until('it is there', () => gateway.stats.connections > 0);
      await until('it is cut off', () => gateway.stats.connections === 0);
    });

    it('who takes no answers at all is cut off, whatever was asked', async () => {
      await gateway.close();
      gateway = await startTestGateway(nats.url, { ...HTTP, slowConsumerTimeoutMs: 1_000 });
      const { socket } = await raw();
      socket.pause();
      socket.write('GET /v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(3_000));
      await until('it is there', () => gateway.stats.connections > 0);
      await until('it is cut off', () => gateway.stats.connections === 0);
    });
  });

  describe('for pages of other origins', () => {
    const ask = (path: string, origin: string, init: RequestInit = {}): Promise<Response> =>
      fetch(at(path), { ...init, headers: { origin, ...(init.headers as Record<string, string>) } });
    const allowed = (answered: Response): string | null =>
      answered.headers.get('access-control-allow-origin');

    it('is open to those of --http-origins, and to its own host without', async () => {
      const own = `http://${gateway.http}`;
      assert.equal(allowed(await ask('demo', own)), own);
      const stranger = await ask('demo', 'https://shop.example');
      assert.equal(allowed(stranger), null);
      assert.equal(stranger.headers.get('vary'), 'origin');
      await gateway.close();
      gateway = await startTestGateway(nats.url, { ...HTTP, httpOrigins: ['https://shop.example'] });
      assert.equal(allowed(await ask('demo', 'https://shop.example')), 'https://shop.example');
      assert.equal(allowed(await ask('demo', 'https://else.example')), null);
    });

    it('says before what may be asked for', async () => {
      const own = `http://${gateway.http}`;
      const init = { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } };
      const answered = await ask('demo/messages', own, init);
      assert.equal(answered.status, 204);
      assert.equal(allowed(answered), own);
      assert.match(answered.headers.get('access-control-allow-methods') ?? '', /POST/);
      assert.match(answered.headers.get('access-control-allow-headers') ?? '', /idempotency-key/);
      assert.equal(
        answered.headers.get('access-control-expose-headers'),
        'live-reason, retry-after, x-request-id',
      );
      assert.equal(answered.headers.get('access-control-max-age'), '600');
      assert.equal(answered.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
      const stranger = await ask('demo/messages', 'https://shop.example', init);
      assert.equal(stranger.headers.get('access-control-allow-methods'), null);
      assert.equal((await ask('demo/else', own, init)).status, 404);
    });

    it('has refusals and events read, too', async () => {
      const own = `http://${gateway.http}`;
      assert.equal(allowed(await ask('no%20room', own)), own);
      const stop = new AbortController();
      const events = await ask('demo/events', own, { signal: stop.signal });
      assert.deepEqual([events.status, allowed(events)], [200, own]);
      stop.abort();
      const called = await fetch(`http://${gateway.http}/live.v1.Live/GetRoom`, { headers: { origin: own } });
      assert.deepEqual([called.status, allowed(called)], [405, own]);
    });
  });

  it('asks for a token, and goes by what it allows', async () => {
    await using directory = await tempDir();
    const jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
    await gateway.close();
    gateway = await startTestGateway(nats.url, { ...HTTP, jwtSecretFile });
    const bearer = (claims: object): Record<string, string> => ({
      authorization: `Bearer ${token({ sub: 'ann', exp: inSeconds(60), ...claims })}`,
    });
    assert.equal(await problemOf(await post({ type: 'gift' })), '401 TOKEN_MISSING');
    assert.equal(await problemOf(await fetch(at('demo'))), '401 TOKEN_MISSING');
    assert.equal(await problemOf(await post({ type: 'gift' }, bearer({}))), '403 NOT_PERMITTED');
    const published = await post({ type: 'gift' }, bearer({ roles: ['publisher'] }));
    assert.equal(published.status, 200);
    const read = await fetch(at('demo/messages'), { headers: bearer({}) });
    assert.equal(((await read.json()) as Page).messages.length, 1);
  });
});

function values(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, '']));
}
