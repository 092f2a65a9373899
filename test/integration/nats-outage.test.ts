import assert from 'node:assert/strict';
import { connect } from 'nats';
import type { Cursor, LiveClient } from '../../client/index.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { rawPublish, RawStream } from '../helpers/raw-stream.ts';
import type { PublishEnd } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';

const rooms = ['tea', 'chess'];

describe('Reliable: NATS outage', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let clock: SkippingClock;
  let recorder: RunRecorder;
  let clients: LiveClient[];
  let loads: Load[];

  beforeEach(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { heartbeatMs: 200 }, { clock });
    recorder = new RunRecorder();
    loads = [];
    clients = [];
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  /** Two viewers and two publishers a room, each on a connection of its own; resolves when messages flow. */
  async function startLoad(): Promise<void> {
    for (const room of rooms) {
      for (const sender of ['ann', 'bob']) {
        const viewer = gateway.client();
        clients.push(viewer);
        recorder.follow(viewer, room);
        loads.push(new Load(recorder, { client: gateway.client(), room, sender }));
      }
    }
    await flow(100);
  }

  /** Resolves when so many more messages are acknowledged. */
  async function flow(messages: number): Promise<void> {
    const before = storedBy(loads);
    await until(`${messages} messages are stored`, () => storedBy(loads) >= before + messages);
  }

  /** Ends the load and checks that nothing was lost or came twice, and that no outcome stayed unknown. */
  async function settle(): Promise<void> {
    await Promise.all(loads.map((load) => load.stop()));
    const { acknowledged, unknown } = recorder.counts;
    assert.equal(unknown, 0);
    const counts = await Promise.all(rooms.map(async (room) => Number((await clients[0]!.room(room)).count)));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      acknowledged,
      'each message is stored once',
    );
    assertGuarantees(await recorder.finish(gateway.client()));
  }

  /** A producer with a connection of its own, that does not wait for the gateway. */
  async function storeDirectly(messages: number): Promise<void> {
    const connection = await connect({ servers: nats.url });
    const jetstream = connection.jetstream();
    for (let n = 0; n < messages; n++) {
      const { seq } = await jetstream.publish('live.room.tea', 'from afar');
      recorder.acknowledged('tea', BigInt(seq));
    }
    await connection.close();
  }

  const upstreamIs = (state: string): Promise<unknown> =>
    until(`heartbeats say ${state}`, () => clients.every(({ upstream }) => upstream === state));

  /** Publishes one message through the short call. */
  const publish = (key: string, type = 'gift'): Promise<PublishEnd> =>
    rawPublish(gateway.address, { room: 'tea', type, key, payload: Buffer.from(key) });

  it('SIGKILL and restart under load lose nothing and repeat nothing; heartbeats tell', async () => {
    await startLoad();
    await nats.kill();
    await upstreamIs('DEGRADED');
    await nats.restart();
    await upstreamIs('OK');
    await flow(100);
    await settle();
    // Nobody had to reconnect for it.
    assert.deepEqual(
      clients.map(({ counters }) => counters.connects),
      clients.map(() => 1),
    );
  });

  it('what others store before the gateway is back is delivered, too; crash after crash', async () => {
    await startLoad();
    for (let crash = 0; crash < 3; crash++) {
      await nats.kill();
      await nats.restart();
      await storeDirectly(20);
      await flow(50);
    }
    await settle();
  });

  it('a room in memory serves resumes while NATS is away', async () => {
    await startLoad();
    const early = await cursorOfFirstMessage('tea');
    await Promise.all(loads.map((load) => load.stop()));
    await nats.kill();
    await upstreamIs('DEGRADED');
    const resumed = recorder.follow(gateway.client(), 'tea', { join: { from: { cursor: early } } });
    const stored = storedBy(loads.slice(0, 2));
    await until('the viewer has what is in memory', () => resumed.messages.length >= stored - 1);
    const hasCaughtUp = (): boolean => resumed.events.some(({ kind }) => kind === 'caught-up');
    assert.equal(hasCaughtUp(), false, 'nobody can know whether that is everything');
    await nats.restart();
    await upstreamIs('OK');
    await until('the viewer has caught up', hasCaughtUp);
    assertGuarantees(await recorder.finish(gateway.client()));
  });

  it('a join of a room that is not open is refused for now and succeeds later', async () => {
    await nats.kill();
    using raw = RawStream.hello(gateway.address);
    await until('the gateway knows', () =>
      raw.all('heartbeat').some(({ upstream }) => upstream === 'UPSTREAM_DEGRADED'),
    );
    raw.send({ join: { room: 'new', start: { live: {} } } });
    const { room, refusal } = await raw.next('roomError');
    assert.equal(room, 'new');
    assert.deepEqual([refusal?.code, refusal?.reason], [14, 'REASON_UPSTREAM_UNAVAILABLE']);
    assert.match(refusal?.message ?? '', /try again/);
    assert.ok((refusal?.retryAfterMs ?? 0) > 0);
    const viewer = recorder.follow(gateway.client(), 'new');
    await nats.restart();
    await until('the client has joined by itself', () => viewer.events.some(({ kind }) => kind === 'joined'));
    assert.equal(raw.ended, undefined);
  });

  it('a publish that was never sent fails with UPSTREAM_UNAVAILABLE once its time is up', async () => {
    await nats.kill();
    await until('the gateway knows', async () => (await publish('probe', 'comment')).code !== 'OK');
    const ephemeral = await publish('at once', 'comment');
    assert.deepEqual([ephemeral.code, ephemeral.reason], ['UNAVAILABLE', 'UPSTREAM_UNAVAILABLE']);
    const outcome = publish('never');
    const reached = await failAfterDeadline(outcome);
    assert.deepEqual([reached.code, reached.reason], ['UNAVAILABLE', 'UPSTREAM_UNAVAILABLE']);
  });

  it('what waits for NATS is bounded in bytes', async () => {
    await nats.kill();
    using raw = RawStream.hello(gateway.address);
    const large = { room: 'tea', type: 'gift', payload: Buffer.alloc(1_000_000) };
    for (let requestId = 1; requestId <= 80; requestId++)
      raw.send({ publish: { requestId, request: large } });
    const results = (): unknown[] => raw.results.map(({ refusal }) => refusal?.reason);
    await until('some are refused', () => results().length >= 10);
    assert.ok(results().every((reason) => reason === 'REASON_TOO_MANY_PUBLISHES'));
  });

  it('a publish that NATS swallowed ends as unknown, and the same key stores it once', async () => {
    await startLoad();
    using raw = RawStream.hello(gateway.address);
    await raw.next('welcome');
    await nats.pause();
    // Its time is up before the silent connection is cut, which may take what NATS has not read with it.
    const timeoutMs = 2_500;
    const request = {
      room: 'tea',
      type: 'gift',
      key: 'swallowed',
      payload: Buffer.from('swallowed'),
      timeoutMs,
    };
    raw.send({ publish: { requestId: 1, request } }, { ping: { nonce: 1 } });
    // Frames are taken in order: the message is on its way before time passes.
    await raw.next('pong');
    const endMs = clock.monotonicMs() + timeoutMs;
    const unknown = await until('the publish fails', () => {
      if (clock.monotonicMs() < endMs) clock.skip(200);
      return raw.results[0];
    });
    assert.equal(unknown.refusal?.reason, 'REASON_PUBLISH_OUTCOME_UNKNOWN');
    assert.match(unknown.refusal.message, /same key is safe/);
    nats.resume();
    const again = await publish('swallowed');
    assert.equal(again.result?.duplicate, true);
    recorder.acknowledged('tea', BigInt(again.result.seq), { id: 'tea::swallowed' });
    await flow(50);
    await settle();
  });

  it('a paused NATS is told of, joins are refused in time, and everything goes on afterwards', async () => {
    await startLoad();
    await nats.pause();
    using raw = RawStream.hello(gateway.address);
    raw.send({ join: { room: 'new', start: { live: {} } } });
    const error = await raw.next('roomError');
    assert.equal(error.refusal?.reason, 'REASON_UPSTREAM_UNAVAILABLE');
    nats.resume();
    await flow(50);
    await settle();
  });

  /** Lets the gateway's time pass until the call has failed. */
  async function failAfterDeadline(outcome: Promise<PublishEnd>): Promise<PublishEnd> {
    let failed: PublishEnd | undefined;
    void outcome.then((end) => (failed = end));
    return until('the publish fails', () => {
      clock.skip(200);
      return failed;
    });
  }

  async function cursorOfFirstMessage(room: string): Promise<Cursor> {
    for await (const event of gateway.client().join(room, { from: 'earliest' }))
      if (event.kind === 'message') return event.cursor;
    throw new Error('no message');
  }
});
