import assert from 'node:assert/strict';
import { once } from 'node:events';
import { GrpcMessages } from '../../bench/wire/grpc-messages.ts';
import type { ConnectionState } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { firstOfTwo } from '../helpers/client-time.ts';
import type { ServerFrame } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Http2Attacker } from '../helpers/http2-attacker.ts';
import { watchHealth } from '../helpers/health.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { transports, webSocket } from '../helpers/transports.ts';

const WINDOW_MS = 2_000;

describe('Resumable: drain', () => {
  let nats: TestNats;
  let refuge: TestGateway;
  let draining: ServerProcess;
  let clients: LiveClient[];

  beforeEach(async () => {
    clients = [];
    nats = await startNats();
    refuge = await startTestGateway(nats.url, webSocket.config);
    draining = await ServerProcess.start(nats.url, '--drain', `${WINDOW_MS}ms`, ...webSocket.flags);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await draining[Symbol.asyncDispose]();
    await refuge.close();
    await nats.stop();
  });

  for (const transport of transports)
    it(`SIGTERM under load by ${transport.name}: everybody moves at a time of its own, nothing is lost, and the process exits 0`, async () => {
      const refugeAt = transport.endpointAt(transport.addressOf(refuge));
      const endpoints = [await draining.endpoint(transport), refugeAt];
      const moves: Extract<ConnectionState, { kind: 'moving' }>[] = [];
      const connect = (): LiveClient => {
        const client = new LiveClient({ endpoints, random: firstOfTwo });
        client.on('state', (state) => {
          if (state.kind === 'moving') moves.push(state);
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
      using health = watchHealth(await draining.address());
      await until('it is healthy', () => health.seen.includes('SERVING'));

      draining.signal('SIGTERM');
      await until('it is no longer healthy', () => health.seen.at(-1) === 'NOT_SERVING');
      assert.equal(await draining.exit(), 0);

      await until('all have moved', () =>
        clients.every(({ state }) => state.kind === 'live' && state.endpoint === refugeAt),
      );
      const moved = storedBy(loads);
      await until('messages flow again', () => storedBy(loads) > moved + 50);
      await Promise.all(loads.map((load) => load.stop()));

      assert.equal(moves.length, clients.length);
      const moments = moves.map(({ since, afterMs }) => since + afterMs);
      assert.ok(new Set(moments).size > clients.length / 2, `moments: ${moments.join(', ')}`);
      assert.ok(moves.every(({ reason }) => reason === 'DRAINING'));
      assert.equal(recorder.counts.unknown, 0);
      assertGuarantees(await recorder.finish(connect()), ['Resumable']);
    });

  it('viewers are served until their own time within the window has come; their streams end with OK', async () => {
    const count = 20;
    const dayMs = 86_400_000;
    const clock = new SkippingClock();
    let drawn = 0;
    // One after the other, at even distances over the window.
    const random = (): number => (drawn++ % count) / count;
    const patience = { slowConsumerTimeoutMs: 2 * dayMs };
    await using gateway = await startTestGateway(nats.url, patience, { clock, random });
    const streams = Array.from({ length: count }, () => RawStream.hello(gateway.address));
    for (const stream of streams) stream.send({ join: { room: 'tea', start: { live: {} } } });
    await Promise.all(streams.map((stream) => stream.next('caughtUp')));
    const left = (): RawStream[] => streams.filter((stream) => stream.all('reconnect').length === 0);

    const drained = gateway.drain(dayMs);
    clock.skip(0.49 * dayMs);
    await until('half of them are told to go', () => left().length === count / 2);
    await refuge.client().publish('tea', { type: 'gift', payload: 'late' });
    const others = left();
    assert.equal(others.length, count / 2);
    await until('the others are still served', () =>
      others.every((stream) => stream.reliable.includes('late')),
    );

    clock.skip(0.5 * dayMs);
    await drained;
    for (const stream of streams) {
      assert.equal((await stream.end()).code, 'OK');
      assert.equal(stream.all('reconnect').length, 1);
      stream.close();
    }
  });

  it('a proxy that pools is told by GOAWAY to go elsewhere, and what it has goes on until its own time', async () => {
    const dayMs = 86_400_000;
    const clock = new SkippingClock();
    const patience = { slowConsumerTimeoutMs: 2 * dayMs };
    await using gateway = await startTestGateway(nats.url, patience, { clock, random: () => 0.5 });
    using proxy = new Http2Attacker(gateway.address);
    const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: { client: 'pooled' } }));
    const viewer = proxy.open('Connect', hello);
    await once(viewer.stream, 'response');
    const goaway = once(proxy.session, 'goaway') as Promise<[code: number, lastStream: number]>;
    const drained = gateway.drain(dayMs);
    assert.deepEqual((await goaway).slice(0, 2), [0, viewer.stream.id]);
    // Node's client opens no more on it, as proxies do not; whoever does all the same is refused by HTTP/2.
    assert.equal(proxy.session.closed, true);
    viewer.stream.write(grpcMessage(liveService.Connect.requestSerialize({ ping: { nonce: 7 } })));
    const frames: ServerFrame[] = [];
    const messages = new GrpcMessages((bytes) => frames.push(liveService.Connect.responseDeserialize(bytes)));
    viewer.stream.on('data', (bytes: Buffer) => messages.receive(bytes, 0, bytes.length));
    await until('it is still served', () => frames.some(({ pong }) => pong?.nonce === '7'));
    assert.equal(viewer.ended, undefined);
    clock.skip(0.6 * dayMs);
    await until('it is told to go', () => frames.some(({ reconnect }) => reconnect));
    await until('its stream ends', () => viewer.ended === 'OK');
    viewer.stream.end();
    await drained;
  });

  it('a connection that was idle when the gateway began to drain is told so as soon as something comes by it', async () => {
    const dayMs = 86_400_000;
    const clock = new SkippingClock();
    const patience = { slowConsumerTimeoutMs: 2 * dayMs };
    await using gateway = await startTestGateway(nats.url, patience, { clock, random: () => 0.5 });
    using stayer = RawStream.hello(gateway.address);
    await stayer.next('welcome');
    const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: { client: 'pooled' } }));
    const request = grpcMessage(liveService.GetRoom.requestSerialize({ room: 'none' }));
    using forViewers = new Http2Attacker(gateway.address);
    using forCalls = new Http2Attacker(gateway.address);
    await Promise.all([forViewers, forCalls].map(({ session }) => once(session, 'remoteSettings')));
    const drained = gateway.drain(dayMs);
    const goaways = [forViewers, forCalls].map(({ session }) => once(session, 'goaway'));
    const viewer = forViewers.open('Connect', hello);
    const call = forCalls.open('GetRoom', request);
    call.stream.end();
    await Promise.all(goaways);
    await until('both have their answers', () => viewer.ended !== undefined && call.ended !== undefined);
    assert.deepEqual([viewer.reason, call.reason], ['DRAINING', 'ROOM_UNKNOWN']);
    viewer.stream.end();
    clock.skip(0.6 * dayMs);
    await drained;
  });

  it('nobody is cut off before its stream has ended with OK, the last one neither', async () => {
    const streams = Array.from({ length: 20 }, () => RawStream.hello(refuge.address));
    await Promise.all(streams.map((stream) => stream.next('welcome')));
    await refuge.drain(0);
    const ends = await Promise.all(streams.map((stream) => stream.end()));
    assert.deepEqual(new Set(ends.map(({ code }) => code)), new Set(['OK']));
  });

  it('a gateway without viewers exits at once', async () => {
    await using patient = await ServerProcess.start(nats.url, '--drain', '1h');
    patient.signal('SIGTERM');
    assert.equal(await patient.exit(), 0);
  });

  it('a second signal ends it at once with 130', async () => {
    await using patient = await ServerProcess.start(nats.url, '--drain', '1h');
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
