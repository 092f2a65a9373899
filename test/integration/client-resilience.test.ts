import assert from 'node:assert/strict';
import { fin } from '../../chaos/links/faults/fin.ts';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { rst } from '../../chaos/links/faults/rst.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { LiveClientOptions, Message, RoomSubscription } from '../../client/index.ts';
import { LiveClient, LiveError } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import { firstOfTwo } from '../helpers/client-time.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { textOf } from '../helpers/text.ts';
import { transports } from '../helpers/transports.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const HEARTBEAT_MS = 100;

const backoff = { baseMs: 5, maxMs: 50 };
/** Finds out soon that a connection is dead; on a busy machine it may take one for dead that is not. */
const hasty: Partial<LiveClientOptions> = { backoff, connectTimeoutMs: 3_000, probeTimeoutMs: 500 };
/** Never takes silence for the end of a connection. */
const patient: Partial<LiveClientOptions> = { backoff, silenceFactor: 10_000 };

/** Reads a room to its end, as an application does. */
function read(subscription: RoomSubscription): { messages: Message[]; kinds: string[]; done: Promise<void> } {
  const messages: Message[] = [];
  const kinds: string[] = [];
  const loop = async (): Promise<void> => {
    for await (const event of subscription) {
      kinds.push(event.kind);
      if (event.kind === 'message') messages.push(event.message);
    }
  };
  return { messages, kinds, done: loop() };
}

const payloads = (messages: readonly Message[]): string[] => messages.map(({ payload }) => textOf(payload));

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));

for (const transport of transports)
  describe(`Reliable: client under faults, by ${transport.name} (LIVE_TEST_SEED=${SEED})`, () => {
    let nats: TestNats;
    let gateways: TestGateway[] = [];
    let proxies: FaultProxy[] = [];
    let clients: LiveClient[] = [];

    beforeEach(async () => {
      nats = await startNats();
      gateways = [await startGateway(), await startGateway()];
      proxies = await Promise.all(gateways.map(({ target }) => FaultProxy.listen(target)));
    });

    afterEach(async () => {
      await Promise.all(clients.map((client) => client.close()));
      // A half-open link hides its end from the gateway until the proxy lets go of it.
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await until('no connection is left on a gateway', () =>
        gateways.every(({ stats }) => stats.connections === 0 && stats.sessions === 0),
      );
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await nats.stop();
      clients = [];
    });

    function startGateway(): Promise<TestGateway> {
      // In a drain it sends its first viewer away after a tenth of the window.
      return startTestGateway(nats.url, { heartbeatMs: HEARTBEAT_MS }, { random: () => 0.1 }, transport);
    }

    /** A client that reaches both gateways through the proxies. */
    function connect(options: Partial<LiveClientOptions> = patient): LiveClient {
      const client = new LiveClient({
        endpoints: proxies.map(({ address }) => transport.endpointAt(address)),
        ...options,
      });
      clients.push(client);
      return client;
    }

    it('gives every message once and in order, over dozens of cuts, to readers of several rooms', async () => {
      const random = seededRandom(SEED);
      const viewer = connect({ ...hasty, random: seededRandom(SEED + 1) });
      const rooms = ['a', 'b', 'c'];
      const readers = rooms.map((room) => read(viewer.join(room, { from: 'earliest' })));
      const publisher = connect({ ...hasty, random: seededRandom(SEED + 2) });
      const cut = (): void => {
        const links = proxies.flatMap((proxy) => proxy.links);
        const fault = [rst, fin, rst, fin, rst, halfOpen][Math.floor(random() * 6)]!;
        links[Math.floor(random() * links.length)]?.apply(fault);
      };
      const count = 600;
      let published = 0;
      let nextCut = 0;
      await Promise.all(
        rooms.map(async (room) => {
          for (const payload of numbers(count)) {
            await publisher.publish(room, { type: 'gift', payload }, { timeoutMs: 60_000 });
            published += 1;
            if (published < nextCut) continue;
            cut();
            nextCut = published + Math.ceil(random() * 60);
          }
        }),
      );
      assert.equal(published, count * rooms.length);
      await until('the readers have all', () => readers.every(({ messages }) => messages.length >= count));
      for (const { messages, kinds } of readers) {
        assert.deepEqual(payloads(messages), numbers(count));
        assert.ok(!kinds.includes('gap') && !kinds.includes('reset'));
      }
      assert.equal(viewer.counters.continuityViolations, 0);
      assert.ok(viewer.counters.reconnects > 10, `${viewer.counters.reconnects} reconnects`);
    });

    it('moves to another gateway when its own drains, and misses nothing', async () => {
      const viewer = connect({ ...patient, random: firstOfTwo });
      const reader = read(viewer.join('a'));
      await until('the viewer is live', () => reader.kinds.includes('caught-up'));
      const states: string[] = [];
      viewer.on('state', ({ kind: name }) => states.push(name));
      const [first, second] = gateways as [TestGateway, TestGateway];
      const publisher = connect({ ...patient, endpoints: [second.endpoint] });
      const drained = first.drain(3_000);
      for (const payload of numbers(50)) await publisher.publish('a', { type: 'gift', payload });
      await drained;
      await until('the viewer has all', () => reader.messages.length === 50);
      assert.deepEqual(payloads(reader.messages), numbers(50));
      assert.equal(states[0], 'moving');
      assert.ok(!states.includes('backoff'), states.join(' '));
      gateways.shift();
    });

    it('publishes over an outage of NATS, once', async () => {
      const client = connect();
      const reader = read(client.join('a'));
      await until('the viewer is live', () => reader.kinds.includes('caught-up'));
      await client.publish('a', { type: 'gift', payload: '0' });
      await nats.kill();
      const later = client.publish('a', { type: 'gift', payload: '1' }, { timeoutMs: 60_000 });
      await until('the gateway says that NATS is away', () => client.upstream === 'DEGRADED');
      await nats.restart();
      assert.ok((await later).seq > 0n);
      await until('both have come', () => reader.messages.length === 2);
      assert.deepEqual(payloads(reader.messages), ['0', '1']);
    });

    it('refuses a payload that the gateway would end the stream for, and stays connected', async () => {
      const client = connect();
      await client.publish('a', { type: 'gift', payload: 'small' });
      await assert.rejects(
        client.publish('a', { type: 'gift', payload: Buffer.alloc(4_500_000) }),
        (error: unknown) => error instanceof LiveError && error.reason === 'PAYLOAD_TOO_LARGE',
      );
      assert.equal(client.counters.reconnects, 0);
    });

    it('holds a small window while the application takes its time, and loses nothing by it', async () => {
      const viewer = connect({ ...patient, roomWindowBytes: 64 * 1024 });
      const subscription = viewer.join('a', { from: 'earliest' });
      const iterator = subscription[Symbol.asyncIterator]();
      const first = await iterator.next();
      assert.equal(first.value?.kind, 'joined');
      const publisher = connect();
      const payload = Buffer.alloc(8 * 1024, 'x');
      for (let n = 0; n < 400; n += 1) await publisher.publish('a', { type: 'gift', payload });
      await until('nobody is seen to read', () => viewer.counters.stalls === 1);
      let messages = 0;
      while (messages < 400) {
        const { value } = await iterator.next();
        if (value?.kind === 'message') messages += 1;
      }
      assert.equal(viewer.counters.continuityViolations, 0);
      assert.equal(viewer.counters.reconnects, 0);
    });
  });
