import assert from 'node:assert/strict';
import { rst } from '../../chaos/links/faults/rst.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { LiveClient } from '../../client/index.ts';
import type { Cursor } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { NatsFilter } from '../helpers/nats-filter.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { targetAt, transports, webSocket } from '../helpers/transports.ts';
import { Witness } from '../helpers/witness.ts';

describe('Ordered, Unique, Resumable: two gateways on one NATS', () => {
  let nats: TestNats;
  let producer: StockProducer;
  /** Between the second gateway and NATS. */
  let natsProxy: FaultProxy;
  let filter: NatsFilter;
  let first: TestGateway;
  let second: TestGateway;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(async () => {
    natsProxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    filter = new NatsFilter();
    natsProxy.applyAll(filter);
    first = await startTestGateway(nats.url, webSocket.config);
    second = await startTestGateway(natsProxy.address, webSocket.config);
  });

  afterEach(async () => {
    await first.close();
    await second.close();
    await natsProxy.close();
    assert.deepEqual(await producer.consumers(), []);
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  it('each honours the cursors of the other', async () => {
    let cursor: Cursor | undefined;
    for (let n = 1; n <= 6; n++) {
      const seq = await producer.publish('demo', `${n}`);
      const gateway = n % 2 === 0 ? first : second;
      const viewer = new Witness(gateway.client(), 'demo', { from: cursor ? { cursor } : 'earliest' });
      await viewer.has(1);
      await viewer.caughtUp();
      assert.deepEqual(viewer.payloads, [`${n}`]);
      assert.equal(viewer.told[0], n === 1 ? 'joined STARTED at 0' : `joined RESUMED at ${seq - 1}`);
      cursor = viewer.subscription.cursor;
      viewer.subscription.leave();
    }
  });

  it('both give every message the same fingerprint and sequence', async () => {
    const viewers = [first, second].map((gateway) => new Witness(gateway.client(), 'demo'));
    for (const viewer of viewers) await viewer.caughtUp();
    await producer.burst('demo', ['1', '2', '3']);
    for (const viewer of viewers) await viewer.has(3);
    const [one, other] = viewers.map(({ messages }) =>
      messages.map((message) => ({ ...message, timeMs: 0 })),
    );
    assert.deepEqual(one, other);
  });

  it('a cursor that is ahead of a gateway whose feed lags is no reset', async () => {
    const behind = new Witness(second.client(), 'demo');
    await behind.caughtUp();
    await producer.publish('demo', '1');
    await behind.has(1);
    filter.add({
      matches: (subject) => subject === 'live.feed.demo',
      action: { kind: 'delay', delayMs: 1_000 },
    });
    await producer.burst('demo', ['2', '3', '4']);
    const ahead = new Witness(first.client(), 'demo', { from: 'earliest' });
    await ahead.has(4);
    await ahead.caughtUp();
    const { cursor } = ahead.subscription;
    const moved = new Witness(second.client(), 'demo', { from: { cursor: cursor ?? assert.fail() } });
    await moved.caughtUp();
    assert.deepEqual(moved.told, ['joined RESUMED at 4', 'caught up at 4']);
    await producer.publish('demo', '5');
    await moved.has(1);
    await behind.has(5);
    assert.deepEqual(behind.seqs, [1, 2, 3, 4, 5]);
    assert.equal(second.stats.resets + second.stats.gaps, 0);
  });

  for (const [index, transport] of transports.entries()) {
    const seed = 21 + index;
    it(`viewers that switch between them under load by ${transport.name} lose and repeat nothing (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      filter.add({
        matches: (subject) => subject.startsWith('live.feed.') && random() < 0.1,
        action: { kind: 'delay', delayMs: 30 },
      });
      const proxies = await Promise.all(
        [first, second].map((gateway) => FaultProxy.listen(targetAt(transport.addressOf(gateway)))),
      );
      const run = new RunRecorder();
      const endpoints = proxies.map(({ address }) => transport.endpointAt(address));
      const clients = [endpoints, endpoints.toReversed(), endpoints].map(
        (order) => new LiveClient({ endpoints: order, backoff: { baseMs: 5, maxMs: 20 }, random }),
      );
      for (const client of clients) run.follow(client, 'demo', { join: { from: 'earliest' } });
      const switches = (): number => clients.reduce((sum, { counters }) => sum + counters.reconnects, 0);
      for (let n = 0; switches() < 80; n++) {
        const atMs = Date.now();
        run.acknowledged('demo', BigInt(await producer.publish('demo', `${n}`)), { atMs });
        const links = proxies.flatMap((proxy) => proxy.links);
        if (random() < 0.2) links[Math.floor(random() * links.length)]?.apply(rst);
      }
      const verdict = assertGuarantees(await run.finish(first.client()), ['Resumable']);
      assert.equal(verdict.delivered, 3 * run.counts.acknowledged);
      assert.deepEqual(
        [first, second].map(({ stats }) => [stats.gaps, stats.resets]),
        [
          [0, 0],
          [0, 0],
        ],
      );
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
    });
  }

  it('the audience is counted over both, and told by either', async () => {
    const here = [first.client(), first.client()].map((client) => new Witness(client, 'demo'));
    const there = new Witness(second.client(), 'demo');
    for (const viewer of [...here, there]) await viewer.caughtUp();
    for (const gateway of [first, second]) {
      const client = gateway.client();
      await until('the gateway counts three', async () => (await client.room('demo')).audience === 3);
    }
    await until('the viewers are told', () => there.subscription.audience === 3);
    here[0]?.subscription.leave();
    here[1]?.subscription.leave();
    const client = second.client();
    await until('the gateway counts one', async () => (await client.room('demo')).audience === 1);
  });

  it('a gateway that goes takes its viewers along, and one that is killed soon after', async () => {
    await using nats = await startNats();
    await using stays = await startTestGateway(nats.url);
    const goes = await startTestGateway(nats.url);
    await using killed = await ServerProcess.start(nats.url);
    const watching = stays.client();
    const viewer = new Witness(watching, 'demo');
    await viewer.caughtUp();
    await new Witness(goes.client(), 'demo').caughtUp();
    const abroad = new LiveClient({ endpoints: [await killed.address()] });
    await new Witness(abroad, 'demo').caughtUp();
    await until('three are told', () => viewer.subscription.audience === 3);
    await goes.close();
    await until('two are told', () => viewer.subscription.audience === 2);
    killed.signal('SIGKILL');
    await until('one is told', () => viewer.subscription.audience === 1);
    await abroad.close();
  });

  it('a gateway without viewers of a room describes it, the audience of others included', async () => {
    await producer.publish('else', '1');
    await producer.burst('demo', ['2', '3']);
    const viewers = [first.client(), first.client()].map((client) => new Witness(client, 'demo'));
    for (const viewer of viewers) await viewer.caughtUp();
    const client = second.client();
    await until(
      'the other gateway has told its viewers',
      async () => (await client.room('demo')).audience === 2,
    );
    const described = await client.room('demo');
    const { epoch } = await producer.state();
    assert.deepEqual(described, { room: 'demo', head: 3n, first: 2n, count: 2n, audience: 2, epoch });
    assert.equal(second.stats.rooms, 0);
  });

  it('a room with viewers elsewhere and no messages is known; one with neither is not', async () => {
    await new Witness(first.client(), 'demo').caughtUp();
    const client = second.client();
    await until('the other gateway has told its viewer', () =>
      client.room('demo').then(
        ({ audience }) => audience === 1,
        () => false,
      ),
    );
    await assert.rejects(client.room('nobody'), { codeName: 'NOT_FOUND', reason: 'ROOM_UNKNOWN' });
  });
});
