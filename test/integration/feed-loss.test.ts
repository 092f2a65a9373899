import assert from 'node:assert/strict';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { seededRandom } from '../../common/random.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import type { MessageAction } from '../helpers/nats-filter.ts';
import { NatsFilter } from '../helpers/nats-filter.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

const FEED = 'live.feed.demo';

describe('Reliable: a feed that loses, repeats and delays', () => {
  let nats: TestNats;
  let producer: StockProducer;
  /** Between the gateway and NATS. */
  let proxy: FaultProxy;
  let filter: NatsFilter;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(async () => {
    proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    filter = new NatsFilter();
    proxy.applyAll(filter);
    gateway = await startTestGateway(proxy.address, {}, { clock: quickClock });
  });

  afterEach(async () => {
    await gateway.close();
    await proxy.close();
    await producer.hasNoConsumer();
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  async function watch(): Promise<Witness> {
    const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
    await viewer.caughtUp();
    await producer.publish('demo', 'the first');
    await viewer.has(1);
    return viewer;
  }

  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

  it('the last message of a burst, lost without a successor, comes all the same', async () => {
    const viewer = await watch();
    const { repairs } = gateway.stats;
    const loss = filter.add({
      matches: (subject, frame) => subject === FEED && frame.includes('the last'),
      action: { kind: 'drop' },
    });
    await producer.burst('demo', [...numbers(20), 'the last']);
    await viewer.has(22);
    assert.equal(viewer.payloads.at(-1), 'the last');
    assert.equal(loss.count, 1);
    assert.ok(gateway.stats.repairs > repairs);
    assert.equal(viewer.told.filter((line) => line.startsWith('gap')).length, 0);
  });

  it('a whole feed that is lost comes all the same', async () => {
    const viewer = await watch();
    filter.add({ matches: (subject) => subject === FEED, action: { kind: 'drop' } });
    await producer.burst('demo', numbers(50));
    await viewer.has(51);
    assert.deepEqual(viewer.payloads.slice(1), numbers(50));
  });

  it('messages that follow a lost one wait for it', async () => {
    const viewer = await watch();
    const { repairs } = gateway.stats;
    filter.add({ matches: (subject) => subject === FEED, action: { kind: 'drop' }, times: 1 });
    await producer.publish('demo', 'lost');
    await producer.publish('demo', 'seen');
    await viewer.has(3);
    assert.deepEqual(viewer.payloads, ['the first', 'lost', 'seen']);
    assert.equal(gateway.stats.repairs, repairs + 1);
  });

  it('a message that comes twice reaches nobody twice', async () => {
    const viewer = await watch();
    const twice = filter.add({ matches: (subject) => subject === FEED, action: { kind: 'duplicate' } });
    await producer.burst('demo', numbers(30));
    await viewer.has(31);
    await producer.publish('demo', 'the last');
    await viewer.has(32);
    assert.ok(twice.count > 0);
    assert.deepEqual(viewer.payloads, ['the first', ...numbers(30), 'the last']);
  });

  it('a message that is overtaken by a later one comes in its place', async () => {
    const viewer = await watch();
    filter.add({
      matches: (subject, frame) => subject === FEED && frame.includes('the slow'),
      action: { kind: 'delay', delayMs: 300 },
    });
    await producer.publish('demo', 'the slow');
    await producer.publish('demo', 'the fast');
    await viewer.has(3);
    await producer.publish('demo', 'the last');
    await viewer.has(4);
    assert.deepEqual(viewer.payloads, ['the first', 'the slow', 'the fast', 'the last']);
  });

  it('losses while the history is read for a repair are found, too', async () => {
    const viewer = await watch();
    const random = seededRandom(7);
    filter.add({
      matches: (subject) => subject.startsWith('_INBOX.') && random() < 0.02,
      action: { kind: 'drop' },
      times: 2,
    });
    filter.add({ matches: (subject) => subject === FEED && random() < 0.3, action: { kind: 'drop' } });
    for (let n = 0; n < 5; n++) await producer.burst('demo', numbers(40));
    await viewer.has(201);
    assert.deepEqual(viewer.payloads.slice(1), Array(5).fill(numbers(40)).flat());
  });

  const actions: readonly MessageAction[] = [
    { kind: 'drop' },
    { kind: 'duplicate' },
    { kind: 'delay', delayMs: 40 },
  ];
  for (const seed of [1, 2, 3]) {
    it(`everything at random, with viewers coming and going: all guarantees hold (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const rules = actions.map((action) =>
        filter.add({ matches: (subject) => subject === FEED && random() < 0.1, action }),
      );
      const run = new RunRecorder();
      const viewers = [gateway.client(), gateway.client(), gateway.client()];
      run.follow(viewers[0] ?? assert.fail(), 'demo', { join: { from: 'earliest' } });
      for (let n = 0; n < 400; n++) {
        const atMs = Date.now();
        run.acknowledged('demo', BigInt(await producer.publish('demo', `${n}`)), { atMs });
        if (n === 100) run.follow(viewers[1] ?? assert.fail(), 'demo', { join: { from: 'earliest' } });
        if (n === 200) run.follow(viewers[2] ?? assert.fail(), 'demo', { join: { from: 'live' } });
      }
      const verdict = assertGuarantees(await run.finish(gateway.client()));
      for (const { count } of rules) assert.ok(count > 10, `${count} messages were tampered with`);
      assert.ok(gateway.stats.repairs > 0);
      assert.equal(gateway.stats.gaps, 0);
      assert.ok(verdict.delivered >= 800);
    });
  }
});
