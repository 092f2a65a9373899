import assert from 'node:assert/strict';
import type { ConnectionOptions, JetStreamManager, NatsConnection, StreamConfig } from 'nats';
import { connect, DiscardPolicy } from 'nats';
import type { LiveError } from '../../client/index.ts';
import type { UpstreamCause } from '../../server/upstream/upstream-cause.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats, TestNatsOptions } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { PublishEnd } from '../helpers/raw-stream.ts';
import { rawPublish, RawStream } from '../helpers/raw-stream.ts';
import { smallDiskServer } from '../helpers/small-disk.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOM = 'tea';
const ALL: Partial<ServerConfig> = { maxBytes: 1024 ** 3 };

describe('what publishers are told', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let clock: SkippingClock;
  /** An operator's connection. */
  let nc: NatsConnection;
  let jsm: JetStreamManager;

  async function start(
    config = '',
    overrides = ALL,
    operator: Partial<ConnectionOptions> = {},
    server: TestNatsOptions = {},
  ): Promise<void> {
    nats = await startNats({ config, ...server });
    nc = await connect({ servers: nats.url, ...operator });
    jsm = await nc.jetstreamManager();
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, overrides, { clock });
  }

  afterEach(async () => {
    await gateway.close();
    await nc.close();
    await nats.stop();
  });

  let keys = 0;
  /** Publishes one message through the short call. */
  const publish = (room = ROOM, type = 'gift', key = `k${++keys}`, bytes = 10): Promise<PublishEnd> =>
    rawPublish(gateway.address, { room, type, key, payload: Buffer.alloc(bytes, 'x') });

  /** Lets the gateway's time pass until the call has ended. */
  async function afterDeadline(outcome: Promise<PublishEnd>): Promise<PublishEnd> {
    let ended: PublishEnd | undefined;
    void outcome.then((end) => (ended = end));
    return until('the publish ends', () => {
      clock.skip(100);
      return ended;
    });
  }

  /** A viewer's heartbeats say so; the gateway's time passes meanwhile. */
  async function causesBecome(
    what: string,
    fits: (causes: readonly UpstreamCause[]) => boolean,
  ): Promise<void> {
    await until(what, () => {
      clock.skip(200);
      return fits(gateway.stats.upstreamCauses);
    });
  }

  const edit = async (change: Partial<StreamConfig>): Promise<void> => {
    const { config } = await jsm.streams.info('LIVE');
    await jsm.streams.update('LIVE', { ...config, ...change });
  };

  const told = ({ code, reason }: PublishEnd) => ({ code, reason });

  it('the stream is missing: certainly not stored, and why', async () => {
    await start();
    await publish();
    await jsm.streams.delete('LIVE');
    const end = await afterDeadline(publish());
    assert.deepEqual(told(end), { code: 'UNAVAILABLE', reason: 'STREAM_UNAVAILABLE' });
    assert.match(end.details, /not stored/);
    assert.match(end.details, /LIVE/);
    await causesBecome('it is told of', (causes) => causes.includes('PUBLISHES_FAILING'));
  });

  it('nobody acknowledged the first attempt, then the stream is missing: nobody knows', async () => {
    await start();
    await jsm.streams.delete('LIVE');
    let asked = 0;
    const mute = nc.subscribe('live.room.tea', { callback: () => (asked += 1) });
    await nc.flush();
    const outcome = publish();
    await until('the first attempt is on its way', () => asked > 0);
    mute.unsubscribe();
    await nc.flush();
    const end = await afterDeadline(outcome);
    assert.deepEqual(told(end), { code: 'UNAVAILABLE', reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    assert.match(end.details, /same key is safe/);
  });

  it('a stream at its limit that discards what is new: certainly not stored, at once, until there is space', async () => {
    await start();
    for (let n = 0; n < 3; n++) await publish();
    await edit({ discard: DiscardPolicy.New, max_msgs: 3 });
    for (let n = 0; n < 8; n++) {
      const end = await publish();
      assert.deepEqual(told(end), { code: 'RESOURCE_EXHAUSTED', reason: 'STREAM_FULL' });
      assert.match(end.details, /not stored.*maximum messages exceeded/);
    }
    assert.ok(gateway.stats.upstreamCauses.includes('STORAGE_FULL'));
    // It stays as long as that can be seen, though nobody publishes.
    for (let ms = 0; ms < 60_000; ms += 1_000) {
      clock.skip(1_000);
      await nc.flush();
    }
    assert.ok(gateway.stats.upstreamCauses.includes('STORAGE_FULL'));
    await jsm.streams.purge('LIVE');
    await causesBecome('it is told that it is over', (causes) => !causes.includes('STORAGE_FULL'));
    assert.equal((await publish()).code, 'OK');
  });

  it('by bytes, too', async () => {
    await start();
    await publish(ROOM, 'gift', 'a', 1_000);
    await edit({ discard: DiscardPolicy.New, max_bytes: 1_500 });
    assert.equal((await publish(ROOM, 'gift', 'b', 1_000)).reason, 'STREAM_FULL');
  });

  it("the server's limit is reached: certainly not stored", async () => {
    await start('jetstream { max_file_store: 1MB }', { maxBytes: -1 });
    const end = await fill();
    assert.deepEqual(told(end), { code: 'RESOURCE_EXHAUSTED', reason: 'STREAM_FULL' });
    assert.match(end.details, /not stored.*insufficient resources/);
    assert.ok(gateway.stats.upstreamCauses.includes('STORAGE_FULL'));
    await jsm.streams.purge('LIVE');
    assert.equal((await publish()).code, 'OK');
    await causesBecome('a stored message ends it', (causes) => causes.length === 0);
  });

  it("the account's limit is reached: certainly not stored", async () => {
    const accounts = 'accounts { A { jetstream: { max_file: 1MB }, users: [{ user: a, password: a }] } }';
    await start(`${accounts}\nno_auth_user: a`, { maxBytes: -1 });
    const end = await fill();
    assert.deepEqual(told(end), { code: 'RESOURCE_EXHAUSTED', reason: 'STREAM_FULL' });
    assert.match(end.details, /not stored.*resource limits exceeded for account/);
    assert.ok(gateway.stats.upstreamCauses.includes('STORAGE_FULL'));
    await jsm.streams.purge('LIVE');
    await causesBecome('the space is seen', (causes) => causes.length === 0);
  });

  /** Publishes until something else than OK comes. */
  async function fill(): Promise<PublishEnd> {
    for (let n = 0; n < 20; n++) {
      const end = await publish(ROOM, 'gift', `fill${n}`, 100_000);
      if (end.code !== 'OK') return end;
    }
    throw new Error('it never gets full');
  }

  it('the disk is full, of which NATS says nothing: nobody knows, and it is told of', async function () {
    await using directory = await tempDir();
    const binary = await smallDiskServer(await findNatsServer(), directory.path, 4 * 1024 * 1024);
    if (binary === undefined) this.skip();
    await start('jetstream { max_file_store: 1GB }', { maxBytes: -1 }, {}, { binary });
    let end: PublishEnd;
    do end = await afterDeadline(publish(ROOM, 'gift', `fill${++keys}`, 100_000));
    while (end.code === 'OK');
    assert.deepEqual(told(end), { code: 'UNAVAILABLE', reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    assert.ok(gateway.stats.upstreamCauses.includes('PUBLISHES_FAILING'));
  });

  it('a sealed stream: certainly not stored, at once', async () => {
    await start();
    await edit({ sealed: true });
    const end = await publish();
    assert.deepEqual(told(end), { code: 'UNAVAILABLE', reason: 'STREAM_UNAVAILABLE' });
    assert.match(end.details, /not stored.*sealed/);
    assert.ok(gateway.stats.upstreamCauses.includes('PUBLISHES_FAILING'));
  });

  const withoutPermission = (denied: string): string => `authorization {
    users: [
      { user: gateway, password: g, permissions: { publish: { deny: [${denied}] } } }
      { user: operator, password: o }
    ]
  }
  no_auth_user: gateway`;

  it('no permission to publish: exactly those are refused, at once', async () => {
    await start(withoutPermission('"live.room.secret"'), ALL, { user: 'operator', pass: 'o' });
    using stream = RawStream.hello(gateway.address);
    await stream.next('welcome');
    for (let requestId = 1; requestId <= 200; requestId++) {
      const room = requestId % 3 === 0 ? 'secret' : ROOM;
      stream.send({ publish: { requestId, request: { room, type: 'gift', key: String(requestId) } } });
    }
    await until('all are answered', () => stream.results.length === 200);
    for (const { requestId, outcome, refusal } of stream.results) {
      const denied = Number(requestId) % 3 === 0;
      assert.equal(outcome, denied ? 'refusal' : 'published', requestId);
      if (!denied) continue;
      assert.deepEqual([refusal?.code, refusal?.reason], [9, 'REASON_PUBLISH_FORBIDDEN']);
      assert.match(refusal?.message ?? '', /not stored.*live\.room\.secret/);
    }
    assert.deepEqual(gateway.stats.upstreamCauses, [], 'one room says nothing of the others');
    assert.equal(Number((await gateway.client().room(ROOM)).count), 200 - 66);
    clock.skip(2_000);
    await publish('secret');
    assert.deepEqual(gateway.stats.upstreamCauses, [], 'not even when nothing else is published');
  });

  it('the permission to publish taken away: it is told until it is given back', async () => {
    const operator = { user: 'operator', pass: 'o' };
    await start(withoutPermission(''), ALL, operator);
    await nats.reconfigure(withoutPermission('"live.room.*"'));
    await until('it is told of', async () => {
      await afterDeadline(publish());
      return gateway.stats.upstreamCauses.includes('PUBLISHES_FAILING');
    });
    await nats.reconfigure(withoutPermission(''));
    await causesBecome('it is over', (causes) => !causes.includes('PUBLISHES_FAILING'));
  });

  it('no permission for ephemeral messages: they are refused', async () => {
    await start(withoutPermission('"live.eph.>"'), ALL, { user: 'operator', pass: 'o' });
    const end = await until('they are refused', async () => {
      const answer = await publish(ROOM, 'comment');
      return answer.code === 'OK' ? undefined : answer;
    });
    assert.deepEqual(told(end), { code: 'FAILED_PRECONDITION', reason: 'PUBLISH_FORBIDDEN' });
    assert.match(end.details, /live\.eph\.tea/);
    assert.equal((await publish()).code, 'OK');
    assert.deepEqual(gateway.stats.upstreamCauses, [], 'viewers are served, and whoever publishes is told');
  });

  it("another stream's acknowledgement is not taken for ours", async () => {
    await start();
    await jsm.streams.delete('LIVE');
    await jsm.streams.add({ name: 'OTHER', subjects: ['live.room.*'] });
    const end = await afterDeadline(publish());
    assert.deepEqual(told(end), { code: 'UNAVAILABLE', reason: 'PUBLISH_OUTCOME_UNKNOWN' });
    assert.match(end.details, /OTHER/);
    await causesBecome('it is told of', (causes) => causes.includes('PUBLISHES_FAILING'));
  });

  it('when the trouble is over, that is found out without a publish', async () => {
    await start();
    const { config } = await jsm.streams.info('LIVE');
    await jsm.streams.delete('LIVE');
    await afterDeadline(publish());
    await causesBecome('it is told of', (causes) => causes.includes('PUBLISHES_FAILING'));
    await jsm.streams.add(config);
    await causesBecome('it is over', (causes) => !causes.includes('PUBLISHES_FAILING'));
    assert.equal((await jsm.streams.info('LIVE')).state.last_seq, 0, 'nothing was stored for it');
  });

  it('a definite answer reaches a caller whose own time is no longer than that of the gateway', async () => {
    await start();
    await jsm.streams.delete('LIVE');
    const clientClock = new SkippingClock();
    const client = gateway.client({ clock: clientClock });
    let failure: LiveError | undefined;
    client.publish(ROOM, { type: 'gift', payload: 'x' }).catch((error: unknown) => {
      failure = error as LiveError;
    });
    await until('the gateway has answered', () => {
      clock.skip(100);
      return client.counters.publishesResent > 0 || failure !== undefined;
    });
    await until('the caller is told', () => {
      clock.skip(100);
      clientClock.skip(50);
      return failure;
    });
    assert.equal(failure?.reason, 'STREAM_UNAVAILABLE', failure?.message);
  });
});
