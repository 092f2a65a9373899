import assert from 'node:assert/strict';
import type { PurgeOpts } from 'nats';
import { nanos } from 'nats';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Cursor } from '../../client/index.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

describe('Reliable: what the stream no longer holds', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateways: TestGateway[];

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(() => {
    gateways = [];
  });

  afterEach(async () => {
    for (const gateway of gateways) await gateway.close();
    await producer.hasNoConsumer();
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  async function startGateway(
    config: Partial<ServerConfig> = {},
    natsAddress = nats.url,
  ): Promise<TestGateway> {
    const gateway = await startTestGateway(natsAddress, config, { clock: quickClock });
    gateways.push(gateway);
    return gateway;
  }

  const purge = (options?: PurgeOpts): Promise<unknown> =>
    producer.jsm.streams.purge(producer.stream, options);

  /** The cursor of a viewer that was replayed the room up to `seq`. */
  async function cursorAt(gateway: TestGateway, seq: number): Promise<Cursor> {
    for await (const event of gateway.client().pull('demo')) {
      if (event.kind !== 'message' || event.message.seq !== BigInt(seq)) continue;
      const { epoch } = await producer.state();
      return { epoch, seq: event.message.seq, fingerprint: event.message.fingerprint };
    }
    return assert.fail(`message ${seq} is not held`);
  }

  async function resume(gateway: TestGateway, cursor: Cursor): Promise<Witness> {
    const viewer = new Witness(gateway.client(), 'demo', { from: { cursor } });
    await viewer.caughtUp();
    return viewer;
  }

  describe('after a purge', () => {
    it('live viewers, who have had everything, notice nothing', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo');
      await viewer.caughtUp();
      await producer.burst('demo', ['1', '2', '3']);
      await viewer.has(3);
      await purge();
      await producer.publish('demo', '4');
      await viewer.has(4);
      assert.deepEqual(viewer.payloads, ['1', '2', '3', '4']);
      assert.equal(gateway.stats.gaps, 0);
    });

    it('a viewer that had had everything resumes without a gap', async () => {
      await startGateway();
      await producer.burst('demo', ['1', '2', '3']);
      const cursor = await cursorAt(await startGateway(), 3);
      await purge();
      const viewer = await resume(await startGateway(), cursor);
      assert.deepEqual(viewer.told, ['joined RESUMED at 3', 'caught up at 3']);
      await producer.publish('demo', '4');
      await viewer.has(1);
    });

    it('a viewer that had not is told of the gap, even when nothing follows it', async () => {
      await startGateway();
      await producer.burst('demo', ['1', '2', '3']);
      const cursor = await cursorAt(await startGateway(), 2);
      await purge();
      const viewer = await resume(await startGateway(), cursor);
      assert.deepEqual(viewer.told, ['joined GAP at 2', 'gap after 2, next 4', 'caught up at 3']);
      await producer.publish('demo', '4');
      await viewer.has(1);
    });
  });

  describe("after a purge of one room's messages", () => {
    beforeEach(async () => {
      await startGateway();
      await producer.publish('else', 'keeps the beginning');
      await producer.burst('demo', ['2', '3', '4']);
    });

    it('live viewers, who have had everything, notice nothing', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(3);
      await viewer.caughtUp();
      await purge({ filter: 'live.room.demo' });
      await producer.publish('demo', '5');
      await viewer.has(4);
      assert.equal(gateway.stats.gaps, 0);
    });

    it('live viewers hear nothing false while nothing follows, and others go on', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(3);
      await viewer.caughtUp();
      await purge({ filter: 'live.room.demo' });
      await producer.burst('else', ['5', '6']);
      await viewer.hears('caught up at 6');
      await producer.publish('else', '7');
      await producer.publish('demo', '8');
      await producer.publish('demo', '9');
      await viewer.has(5);
      assert.deepEqual(viewer.payloads, ['2', '3', '4', '8', '9']);
      assert.deepEqual([gateway.stats.gaps, gateway.stats.resets], [0, 0]);
    });

    it('that keeps the newest, live viewers notice nothing', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(3);
      await viewer.caughtUp();
      await purge({ filter: 'live.room.demo', keep: 1 });
      await producer.publish('else', '5');
      await producer.publish('demo', '6');
      await viewer.has(4);
      assert.deepEqual([gateway.stats.gaps, gateway.stats.resets], [0, 0]);
    });

    it('a viewer whose message is gone resumes without a gap where it is remembered', async () => {
      const gateway = await startGateway();
      const cursor = await cursorAt(gateway, 4);
      const stays = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await stays.caughtUp();
      await purge({ filter: 'live.room.demo' });
      await producer.publish('else', '5');
      await stays.hears('caught up at 5');
      const viewer = await resume(gateway, cursor);
      await producer.publish('demo', '6');
      await viewer.has(1);
      assert.equal(viewer.told[0], 'joined RESUMED at 4');
      assert.equal(gateway.stats.gaps, 0);
    });

    it('a viewer whose message is gone is told of a gap: nothing proves that there is none', async () => {
      const cursor = await cursorAt(await startGateway(), 4);
      await purge({ filter: 'live.room.demo' });
      await producer.publish('else', '5');
      await producer.publish('demo', '6');
      const viewer = await resume(await startGateway(), cursor);
      assert.deepEqual(viewer.told, [
        'joined GAP at 4',
        'gap after 4, next 6',
        'message 6 after 0',
        'caught up at 6',
      ]);
    });

    it('live viewers are told of a gap when messages came and went while the gateway was cut off', async () => {
      await using proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
      const gateway = await startGateway({}, proxy.address);
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(3);
      await viewer.caughtUp();
      proxy.retarget({ host: '127.0.0.1', port: 1 });
      for (const link of proxy.links) link.destroy();
      await producer.burst('demo', ['5', '6']);
      await purge({ filter: 'live.room.demo' });
      await producer.publish('demo', '7');
      proxy.retarget({ host: '127.0.0.1', port: nats.port });
      await viewer.has(4);
      assert.deepEqual(viewer.payloads, ['2', '3', '4', '7']);
      assert.ok(viewer.told.includes('gap after 4, next 7'), viewer.told.join('; '));
      await gateway.close();
    });
  });

  describe('after the deletion of single messages', () => {
    beforeEach(async () => {
      await startGateway();
      await producer.burst('demo', ['1', '2', '3', '4']);
    });

    const remove = (seq: number): Promise<boolean> =>
      producer.jsm.streams.deleteMessage(producer.stream, seq);

    it('a viewer that stood at one is told of a gap: nothing proves that there is none', async () => {
      const cursor = await cursorAt(await startGateway(), 2);
      await remove(2);
      await remove(3);
      const viewer = await resume(await startGateway(), cursor);
      assert.deepEqual(viewer.told.slice(0, 3), [
        'joined GAP at 2',
        'gap after 2, next 4',
        'message 4 after 0',
      ]);
      assert.deepEqual(viewer.payloads, ['4']);
    });

    it('a viewer that stood before one gets the others', async () => {
      const cursor = await cursorAt(await startGateway(), 1);
      await remove(3);
      const viewer = await resume(await startGateway(), cursor);
      assert.deepEqual(viewer.payloads, ['2', '4']);
      assert.equal(viewer.told[0], 'joined RESUMED at 1');
    });

    it('live viewers go on when the newest is deleted', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(4);
      await viewer.caughtUp();
      await remove(4);
      await producer.publish('demo', '5');
      await viewer.has(5);
      assert.deepEqual(viewer.payloads, ['1', '2', '3', '4', '5']);
    });

    it('live viewers hear nothing false when the newest is deleted, and others go on', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await viewer.has(4);
      await viewer.caughtUp();
      await remove(4);
      await producer.burst('else', ['5', '6']);
      await viewer.hears('caught up at 6');
      await producer.publish('demo', '7');
      await viewer.has(5);
      const newcomer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
      await newcomer.caughtUp();
      assert.deepEqual(viewer.payloads, ['1', '2', '3', '4', '7']);
      assert.deepEqual(newcomer.payloads.slice(0, 3), ['1', '2', '3']);
      assert.equal(newcomer.payloads.at(-1), '7');
      assert.deepEqual([gateway.stats.gaps, gateway.stats.resets], [0, 0]);
    });
  });

  describe('by size', () => {
    const filler = new Uint8Array(16 * 1024).fill(1);
    const config = { maxBytes: 1024 * 1024, roomLogBytes: 64 * 1024, logBytes: 64 * 1024 };

    async function firstHeld(): Promise<number> {
      return (await producer.state()).firstSeq;
    }

    it('a viewer that was away is told of the gap, and gets everything behind it', async () => {
      await startGateway(config);
      await producer.publish('demo', filler);
      const cursor = await cursorAt(await startGateway(config), 1);
      for (let n = 0; n < 100; n++) await producer.publish('demo', filler);
      const first = await firstHeld();
      assert.ok(first > 20, 'the limit has removed some');
      const viewer = await resume(await startGateway(config), cursor);
      assert.deepEqual(viewer.told.slice(0, 2), ['joined GAP at 1', `gap after 1, next ${first}`]);
      assert.deepEqual(
        viewer.seqs,
        Array.from({ length: 101 - first + 1 }, (_, index) => first + index),
      );
    });

    it('a viewer that lags is told of the gap, and nothing is missing around it', async () => {
      const gateway = await startGateway(config);
      const client = gateway.client({ roomWindowBytes: 1024 });
      const subscription = client.join('demo');
      const events = subscription[Symbol.asyncIterator]();
      while ((await events.next()).value?.kind !== 'caught-up');
      for (let n = 0; n < 400; n++) await producer.publish('demo', filler);
      const told: { readonly seq: number; readonly gapNext?: number }[] = [];
      while (told.at(-1)?.seq !== 400) {
        const { value } = await events.next();
        if (value?.kind === 'message') told.push({ seq: Number(value.message.seq) });
        if (value?.kind === 'gap') told.push({ seq: Number(value.next) - 1, gapNext: Number(value.next) });
      }
      const gaps = told.flatMap(({ gapNext = 0 }) => (gapNext > 0 ? [gapNext] : []));
      assert.ok(gaps.length > 0);
      assert.equal(client.counters.continuityViolations, 0);
      const holes = told.filter(
        ({ seq, gapNext }, index) => gapNext === undefined && seq !== (told[index - 1]?.seq ?? 0) + 1,
      );
      assert.deepEqual(holes, [], 'every message or a gap');
    });
  });

  describe('by age', () => {
    /** Lets everything expire that is held now; what comes later is safe, however long it takes to get to it. */
    async function expire(): Promise<void> {
      const { streams } = producer.jsm;
      const { max_age, duplicate_window } = (await streams.info(producer.stream)).config;
      const moment = nanos(100);
      await streams.update(producer.stream, { max_age: moment, duplicate_window: moment });
      await until('everything has expired', async () => {
        const { firstSeq, lastSeq } = await producer.state();
        return firstSeq > lastSeq;
      });
      await streams.update(producer.stream, { max_age, duplicate_window });
    }

    /** Waits until a gateway with one room has compared that with the stream: until it has begun to ask twice. */
    async function compared(): Promise<void> {
      let asked = 0;
      const question = `$JS.API.STREAM.MSG.GET.${producer.stream}`;
      const questions = producer.nc.subscribe(question, { callback: () => void (asked += 1) });
      await until('the gateway has compared the room with the stream', () => asked >= 2);
      questions.unsubscribe();
    }

    it('a viewer that was away is told of the gap, and one that had had everything of none', async () => {
      await startGateway();
      await producer.burst('demo', ['1', '2', '3']);
      const other = await startGateway();
      const [behind, atHead] = [await cursorAt(other, 2), await cursorAt(other, 3)];
      await expire();
      await producer.publish('demo', '4');
      const gateway = await startGateway();
      assert.deepEqual((await resume(gateway, behind)).told, [
        'joined GAP at 2',
        'gap after 2, next 4',
        'message 4 after 0',
        'caught up at 4',
      ]);
      assert.deepEqual((await resume(await startGateway(), atHead)).told, [
        'joined RESUMED at 3',
        'message 4 after 0',
        'caught up at 4',
      ]);
    });

    it('a live viewer of an idle room is told of no gap when the next message comes', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo');
      await viewer.caughtUp();
      await producer.burst('demo', ['1', '2', '3']);
      await viewer.has(3);
      await producer.publish('else', 'moves the end on');
      await compared();
      await expire();
      await viewer.hears('caught up at 4');
      await producer.publish('else', 'and on');
      await producer.publish('demo', '6');
      await viewer.has(4);
      assert.equal(gateway.stats.gaps, 0);
      assert.equal(viewer.told.at(-1)?.startsWith('message 6'), true);
    });

    it('a viewer that left an idle room with a refreshed bookmark resumes without a gap', async () => {
      const gateway = await startGateway();
      const viewer = new Witness(gateway.client(), 'demo');
      await viewer.caughtUp();
      await producer.burst('demo', ['1', '2', '3']);
      await viewer.has(3);
      await producer.burst('else', ['4', '5']);
      await compared();
      await expire();
      await viewer.hears('caught up at 5');
      await until('the bookmark is handled', () => viewer.subscription.cursor?.seq === 5n);
      const cursor = viewer.subscription.cursor ?? assert.fail();
      assert.equal(gateway.stats.gaps, 0);
      viewer.subscription.leave();
      await producer.publish('demo', '6');
      const resumed = await resume(await startGateway(), cursor);
      assert.deepEqual(resumed.told, ['joined RESUMED at 5', 'message 6 after 0', 'caught up at 6']);
    });
  });
});
