import assert from 'node:assert/strict';
import type { ConnectionState } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { watchHealth } from '../helpers/health.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { ServerProcess } from '../helpers/server-process.ts';

const windowMs = 2_000;

describe('drain', () => {
  let nats: TestNats;
  let refuge: TestGateway;
  let draining: ServerProcess;
  let clients: LiveClient[];

  beforeEach(async () => {
    clients = [];
    nats = await startNats();
    refuge = await startTestGateway(nats.url);
    draining = await ServerProcess.start(nats.url, '--drain', `${windowMs}ms`);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await draining[Symbol.asyncDispose]();
    await refuge.close();
    await nats.stop();
  });

  it('SIGTERM under load: everybody moves at a time of its own, nothing is lost, and the process exits 0', async () => {
    const endpoints = [await draining.address(), refuge.address];
    const moves: Extract<ConnectionState, { name: 'moving' }>[] = [];
    const connect = (): LiveClient => {
      const client = new LiveClient({ endpoints });
      client.on('state', (state) => {
        if (state.name === 'moving') moves.push(state);
      });
      clients.push(client);
      return client;
    };
    const recorder = new RunRecorder();
    const viewers = Array.from({ length: 20 }, connect);
    for (const viewer of viewers) recorder.follow(viewer, 'tea');
    const loads = ['ann', 'bob'].map(
      (sender) => new Load(recorder, { client: connect(), room: 'tea', sender }),
    );
    await until('messages flow', () => storedBy(loads) > 100);
    using health = watchHealth(endpoints[0]!);
    await until('it is healthy', () => health.seen.includes('SERVING'));

    const beganAtMs = Date.now();
    draining.signal('SIGTERM');
    await until('it is no longer healthy', () => health.seen.at(-1) === 'NOT_SERVING');
    assert.equal(await draining.exit(), 0);
    const tookMs = Date.now() - beganAtMs;
    assert.ok(tookMs < windowMs + 2_000, `it took ${tookMs} ms`);

    await until('all have moved', () =>
      clients.every(({ state }) => state.name === 'live' && state.endpoint === refuge.address),
    );
    const moved = storedBy(loads);
    await until('messages flow again', () => storedBy(loads) > moved + 50);
    await Promise.all(loads.map((load) => load.stop()));

    assert.equal(moves.length, clients.length);
    const moments = moves.map(({ since, afterMs }) => since + afterMs - beganAtMs);
    const spread = `moments: ${moments.join(', ')}`;
    assert.ok(new Set(moments).size > clients.length / 2, spread);
    assert.ok(Math.max(...moments) - Math.min(...moments) > windowMs / 4, spread);
    assert.ok(Math.max(...moments) <= windowMs + 1_000, spread);
    assert.ok(moves.every(({ reason }) => reason === 'DRAINING'));
    assert.equal(recorder.counts.unknown, 0);
    assertGuarantees(await recorder.finish(connect()), ['Resumable']);
  });

  it('viewers are served until their own time has come; their streams end with OK', async () => {
    const address = await draining.address();
    const streams = Array.from({ length: 20 }, () => RawStream.hello(address));
    for (const stream of streams) stream.send({ join: { room: 'tea' } });
    await Promise.all(streams.map((stream) => stream.next('caughtUp')));
    draining.signal('SIGTERM');
    const told = (): number => streams.filter((stream) => stream.all('reconnect').length === 1).length;
    await until('the first is told to go', () => told() > 0);
    await refuge.client().publish('tea', { type: 'gift', payload: 'late' });
    for (const end of await Promise.all(streams.map((stream) => stream.end()))) {
      assert.equal(end.code, 'OK');
    }
    assert.equal(told(), streams.length);
    const served = streams.filter((stream) =>
      stream.all('batch').some(({ reliable }) => reliable[0]?.payload.toString() === 'late'),
    );
    assert.ok(served.length > streams.length / 4, `${served.length} of ${streams.length} were still served`);
    assert.equal(await draining.exit(), 0);
    for (const stream of streams) stream.close();
  });

  it('nobody is cut off before its stream has ended with OK, the last one neither', async () => {
    const streams = Array.from({ length: 20 }, () => RawStream.hello(refuge.address));
    await Promise.all(streams.map((stream) => stream.next('welcome')));
    await refuge.drain(0);
    const ends = await Promise.all(streams.map((stream) => stream.end()));
    assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set(['OK']));
  });

  it('a gateway without viewers exits at once', async () => {
    const beganMs = performance.now();
    draining.signal('SIGTERM');
    assert.equal(await draining.exit(), 0);
    assert.ok(performance.now() - beganMs < windowMs / 2);
  });

  it('a second signal ends it at once with 130', async () => {
    await using patient = await ServerProcess.start(nats.url, '--drain', '1m');
    const address = await patient.address();
    // So many that they cannot all have been sent away when the second signal comes.
    const streams = Array.from({ length: 20 }, () => RawStream.hello(address));
    await Promise.all(streams.map((stream) => stream.next('welcome')));
    let code: number | undefined;
    void patient.exit().then((ended) => (code = ended));
    await until('the second signal is heard', () => {
      patient.signal('SIGTERM');
      return code !== undefined;
    });
    assert.equal(code, 130);
    for (const stream of streams) stream.close();
  });
});
