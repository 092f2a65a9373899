import assert from 'node:assert/strict';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { latency } from '../../chaos/links/faults/latency.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { seededRandom } from '../../common/random.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

/** What a message of a consumer takes on the wire beside its payload, at least, in bytes. */
const OVERHEAD_BYTES = 90;

interface Load {
  readonly name: string;
  readonly count: number;
  readonly payloadBytes: number;
  /** Of the link, in bytes a second. */
  readonly rate: number;
}

/** Set to 1 for the sizes that take minutes. */
const FULL = process.env['LIVE_TEST_FULL'] === '1';

describe('Reliable: a slow link to NATS', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let proxy: FaultProxy;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
    // Creates the stream.
    await (await startTestGateway(nats.url)).close();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(async () => {
    proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
  });

  afterEach(async () => {
    await gateway.close();
    await proxy.close();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  /** Starts the gateway behind a link. */
  async function behind(bytesPerSecond: number, roundTripMs: number): Promise<void> {
    proxy.applyAll(latency({ delayMs: roundTripMs / 2 }, seededRandom(1)));
    proxy.applyAll(bandwidth(bytesPerSecond));
    gateway = await startTestGateway(proxy.address);
  }

  async function store(room: string, count: number, payloadBytes: number): Promise<void> {
    const payload = 'x'.repeat(payloadBytes);
    for (let stored = 0; stored < count; stored += 500) {
      await producer.burst(room, Array<string>(Math.min(500, count - stored)).fill(payload));
    }
  }

  /** Bytes that the link has carried from NATS. */
  const carried = (): number => proxy.bytes.down.forwarded;

  const loads: readonly Load[] = [
    { name: 'small messages', count: 1_500, payloadBytes: 200, rate: 50_000 },
    {
      name: 'messages larger than a share of what may be on its way',
      count: 20,
      payloadBytes: 30_000,
      rate: 50_000,
    },
    { name: 'messages that take seconds', count: 3, payloadBytes: 1_000_000, rate: 300_000 },
    ...(FULL
      ? [
          { name: '5,000 messages', count: 5_000, payloadBytes: 200, rate: 50_000 },
          { name: '5,000 messages, 200 kB/s', count: 5_000, payloadBytes: 200, rate: 200_000 },
          { name: 'messages that take 20 seconds each', count: 3, payloadBytes: 1_000_000, rate: 50_000 },
        ]
      : []),
  ];
  for (const { name, count, payloadBytes, rate } of loads) {
    it(`brings ${name}, once and in order`, async () => {
      const room = name.replaceAll(/\W/g, '-');
      await store(room, count, payloadBytes);
      await behind(rate, 200);
      const before = carried();
      const startedMs = performance.now();
      const viewer = new Witness(gateway.client(), room, { from: 'earliest' });
      await viewer.has(1);
      // From here on the link is under load; before, everything waits for everything.
      const loaded = { bytes: carried(), ms: performance.now() };
      await viewer.has(count);
      const busy = ((carried() - loaded.bytes) * 1_000) / (performance.now() - loaded.ms) / rate;
      const useful = count * (payloadBytes + OVERHEAD_BYTES);
      const seconds = (performance.now() - startedMs) / 1_000;
      const share = useful / (carried() - before);
      const ofLink = useful / seconds / rate;
      if (FULL) {
        process.stdout.write(`${name}: ${ofLink} of the link, ${share} of what it carried, busy ${busy}\n`);
        // Of what takes seconds only, the questions before it are a large part.
        if (seconds > 25) assert.ok(ofLink > 0.8, `${ofLink} of what the link can carry was of use`);
      }
      assert.deepEqual(
        viewer.seqs,
        [...new Set(viewer.seqs)].sort((a, b) => a - b),
      );
      assert.equal(proxy.accepted, 1, 'one connection');
      assert.ok(share > 0.8, `${share} of what the link carried was of use`);
      assert.ok(busy > 0.7, `the link was idle for ${1 - busy} of the time`);
    });
  }

  const large = FULL ? [1_000_000, 50_000] : [500_000, 40_000];
  it('a pull does not give up a message that takes longer than its patience', async () => {
    const [bytes, rate] = large as [number, number];
    await store('pulled', 1, bytes);
    await behind(rate, 200);
    const sizes: number[] = [];
    for await (const event of gateway.client().pull('pulled')) {
      if (event.kind === 'message') sizes.push(event.message.payload.length);
    }
    assert.deepEqual(sizes, [bytes]);
  });

  it('does not keep live rooms waiting for a replay', async () => {
    await store('replayed', 1_500, 200);
    await behind(50_000, 200);
    const live = new Witness(gateway.client(), 'live');
    await live.caughtUp();
    const replay = new Witness(gateway.client(), 'replayed', { from: 'earliest' });
    const idle = carried();
    await until('the replay is under way', () => carried() > idle + 50_000);
    const queues: number[] = [];
    for (let n = 1; replay.messages.length < 1_500; n++) {
      const before = carried();
      await producer.publish('live', `${n}`);
      await live.has(n);
      queues.push(carried() - before);
    }
    assert.ok(queues.length > 3, `${queues.length} live messages during the replay`);
    queues.sort((a, b) => a - b);
    assert.ok((queues.at(queues.length / 2) ?? 0) < 50_000, `in front of them: ${queues.join()} bytes`);
  });
});
