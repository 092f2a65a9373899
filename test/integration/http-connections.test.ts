import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { systemClock } from '../../common/clock.ts';
import { parseAddress } from '../../common/units.ts';
import type { ApiDependencies } from '../../server/transport/api/dependencies.ts';
import { apiRoutes } from '../../server/transport/api/routes.ts';
import type { Intake, Waiting } from '../../server/transport/connections/intake.ts';
import type { Consumer } from '../../server/session/slow-consumers.ts';
import { Origins } from '../../server/transport/connections/origins.ts';
import { HttpConnection } from '../../server/transport/http/connection.ts';
import type { HttpServer, HttpServing } from '../../server/transport/http/server.ts';
import { serveHttp } from '../../server/transport/http/server.ts';
import { until } from '../helpers/poll.ts';

describe('Isolated: connections of HTTP', () => {
  let server: HttpServer;
  let answers: ServerResponse[];
  let closed: ServerResponse[];
  let watched: Set<Consumer>;
  let socket: Socket;

  const serving: HttpServing = {
    address: { host: '127.0.0.1', port: 0 },
    certificates: undefined,
    reception: { origins: new Origins([]) },
    failed: (error) => assert.fail(error),
    clock: systemClock,
    watch(consumer) {
      watched.add(consumer);
      return () => watched.delete(consumer);
    },
    routes: [
      {
        prefix: '/',
        handle(_, response): void {
          answers.push(response);
          response.on('close', () => closed.push(response));
        },
      },
    ],
    upgrade: (_, upgraded) => upgraded.on('end', () => upgraded.destroy()).resume(),
  };

  beforeEach(async () => {
    answers = [];
    closed = [];
    watched = new Set();
    server = await serveHttp(serving);
    socket = connect(parseAddress(server.address)!);
    socket.on('error', () => undefined);
  });

  afterEach(async () => {
    socket.destroy();
    await server.close();
  });

  const get = (path: string): string => `GET /${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
  const UPGRADE = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

  it('all answers are told that they are lost, those too that wait behind another', async () => {
    socket.write(get('one') + get('two') + get('three'));
    await until('all are there', () => answers.length === 3);
    socket.destroy();
    await until('all are told', () => closed.length === 3);
    for (const answer of answers) answer.end('too late');
    assert.equal(watched.size, 0, 'nobody is there to take it');
  });

  it('no answer is forgotten when another protocol is to be spoken before it is out', async () => {
    socket.write(get('one') + get('two') + UPGRADE);
    await until('both are there', () => answers.length === 2);
    socket.destroy();
    await until('both are told', () => closed.length === 2);
  });

  it('one that asks for another protocol too early ends with the refusal, also if it is kept open', async () => {
    const open = connect({ ...parseAddress(server.address)!, allowHalfOpen: true });
    let received = '';
    open.on('data', (bytes: Buffer) => (received += bytes.toString())).on('error', () => undefined);
    open.write(get('one') + UPGRADE);
    const answer = await until('it is there', () => answers[0]);
    answer.end();
    await until('the other is refused', () => received.includes('HTTP/1.1 400 '));
    socket.destroy();
    await until('the connection has gone', () => server.connections === 0);
    open.destroy();
  });

  it('each answer is told once that it is over', async () => {
    socket.write(get('one') + get('two'));
    await until('both are there', () => answers.length === 2);
    for (const answer of answers) answer.end();
    assert.equal(watched.size, 1, 'the one whose turn it is can be taken');
    await until('both are told', () => closed.length === 2);
    assert.equal(watched.size, 0, 'there is nothing more to take');
    socket.destroy();
    await until('the connection has gone', () => server.connections === 0);
    assert.deepEqual(closed, answers);
  });

  it('whatever is asked of rooms waits for its turn, and is of no interest once its connection has gone', async () => {
    const waiting: Waiting[] = [];
    let reading: (on: boolean) => void = () => assert.fail('nothing has come');
    const intake: Pick<Intake, 'enter'> = {
      enter(connection, each, read) {
        waiting.push(each);
        reading = (on) => read(connection, on);
      },
    };
    const entrance = { intake, receiving: {}, origins: {} };
    const dependencies = { entrance, context: {}, sessions: {}, allowedOrigins: { allows: () => true } };
    const routes = apiRoutes(dependencies as unknown as ApiDependencies);
    const api = await serveHttp({ ...serving, routes });
    const paths = ['/v1/rooms/demo', '/v1/openapi.json', '/live.v1.Live/GetRoom'];
    let received = '';
    const asking = connect(parseAddress(api.address)!);
    asking.on('data', (bytes: Buffer) => (received += bytes.toString()));
    for (const path of paths) asking.write(`OPTIONS ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until('all wait', () => waiting.length === paths.length);
    assert.ok(waiting.every(({ isGone }) => !isGone()));
    waiting[0]!.begin();
    await until('the first is answered', () => received.includes('HTTP/1.1 204 '));
    reading(false);
    asking.write(`OPTIONS ${paths[0]} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until('it is known elsewhere', () => fetch(`http://${api.address}/`).then(({ ok }) => !ok));
    assert.equal(waiting.length, paths.length, 'it is not read');
    reading(true);
    await until('it waits, too', () => waiting.length === paths.length + 1);
    asking.destroy();
    await until('the others are gone', () => waiting.every(({ isGone }) => isGone()));
    await api.close();
  });

  it('one whose request never ends is not kept for it once that is answered', async () => {
    let ended = false;
    let received = '';
    socket.on('close', () => (ended = true));
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    socket.write('GET /one HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx');
    const answer = await until('it is there', () => answers[0]);
    answer.end('the answer');
    await until('it is answered', () => received.includes('the answer'));
    socket.write('x');
    await until('it has ended', () => ended);
  });

  it('one that is to take no more ends with the answer that is under way', async () => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString().endsWith('0\r\n\r\n')) socket.write(get('two'));
    });
    let ended = false;
    socket.on('close', () => (ended = true));
    socket.write(get('one'));
    const answer = await until('it is there', () => answers[0]);
    answer.write('begun');
    new HttpConnection(answer).takeNoMore();
    answer.end();
    await until('it has ended, or goes on', () => ended || answers.length > 1);
    assert.equal(answers.length, 1, 'the next request goes elsewhere');
  });

  it('who waits for an answer when the server is to end gets it', async () => {
    let received = '';
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    socket.write(get('one'));
    const answer = await until('it is there', () => answers[0]);
    server.stopAccepting();
    const finished = server.finish(600_000).then(() => server.close());
    answer.shouldKeepAlive = false;
    answer.end('the answer');
    await finished;
    await until('it has come', () => received.includes('the answer'));
  });

  for (const [what, request, status] of [
    ['headers that are too large', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no HTTP', 'what is this?\r\n\r\n', 400],
  ] as const)
    it(`whoever sends ${what} is told so`, async () => {
      let received = '';
      socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
      socket.write(request);
      await until('the connection has gone', () => received !== '' && server.connections === 0);
      assert.match(
        received,
        new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json.*REQUEST_INVALID`, 's'),
      );
    });

  it('one that sends what cannot be read ends, and what it is being answered is not spoilt', async () => {
    let [received, ended] = ['', false];
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    socket.on('close', () => (ended = true));
    socket.write(get('one'));
    const answer = await until('it is there', () => answers[0]);
    answer.write('begun');
    socket.write('what is this?\r\n\r\n');
    await until('it has ended', () => ended);
    assert.match(received, /begun/);
    assert.doesNotMatch(received, /REQUEST_INVALID/);
  });

  it('one that is reset before it is its turn costs nobody anything', async () => {
    const waiting: (() => void)[] = [];
    const probation = {
      admit: (_: string, serve: () => void) => waiting.push(serve) > 0,
      suspect: () => undefined,
    };
    const guarded = await serveHttp({ ...serving, reception: { origins: new Origins([]), probation } });
    const early = connect(parseAddress(guarded.address)!);
    await until('it waits', () => waiting.length === 1);
    early.resetAndDestroy();
    await until('it is gone', () => guarded.connections === 0);
    waiting[0]!();
    await guarded.close();
  });

  it('nobody is waited for who asks for nothing', async () => {
    socket.write(get('one'));
    const answer = await until('it is there', () => answers[0]);
    answer.end();
    await until('it is answered', () => closed.length === 1);
    server.stopAccepting();
    await server.finish(600_000);
    await until('the connection has gone', () => server.connections === 0);
  });
});
