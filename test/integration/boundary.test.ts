import assert from 'node:assert/strict';
import { rst } from '../../chaos/links/faults/rst.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { LiveClient, MemoryCursorStore } from '../../client/index.ts';
import type { Random } from '../../common/random.ts';
import { seededRandom } from '../../common/random.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { RoomRecording } from '../helpers/recorder.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { transports } from '../helpers/transports.ts';

/** Reconnects of all viewers together in one run. */
const RECONNECTS = 300;

for (const [index, transport] of transports.entries())
  describe(`Ordered, Unique: the boundary between replay and live under continuous publishing, by ${transport.name}`, () => {
    let nats: TestNats;
    let producer: StockProducer;
    let gateway: TestGateway;
    /** Between the viewers and the gateway. */
    let proxy: FaultProxy;
    let clients: LiveClient[];

    before(async () => {
      nats = await startNats();
      producer = await StockProducer.connect(nats.url);
    });

    beforeEach(async () => {
      gateway = await startTestGateway(nats.url, {}, {}, transport);
      proxy = await FaultProxy.listen(gateway.target);
      clients = [];
    });

    afterEach(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await proxy.close();
      await until(
        'nothing of the viewers is left',
        () => gateway.stats.sessions + gateway.stats.connections === 0,
      );
      await gateway.close();
      assert.deepEqual(await producer.consumers(), []);
      await producer.deleteStream();
    });

    after(async () => {
      await producer.close();
      await nats.stop();
    });

    function newClient(random: Random, cursorStore = new MemoryCursorStore()): LiveClient {
      const client = new LiveClient({
        endpoints: [transport.endpointAt(proxy.address)],
        backoff: { baseMs: 5, maxMs: 20 },
        cursorStore,
        random,
      });
      clients.push(client);
      return client;
    }

    /** Publishes to two rooms in turn, as fast as the stream stores, until `signal` is aborted. */
    async function publishOn(run: RunRecorder, signal: AbortSignal): Promise<void> {
      for (let n = 0; !signal.aborted; n++) {
        const room = n % 3 === 0 ? 'else' : 'demo';
        const atMs = Date.now();
        const seq = await producer.publish(room, `message ${n}`);
        if (room === 'demo') run.acknowledged(room, BigInt(seq), { atMs });
      }
    }

    /** Until the viewer has had a few more messages; how many is drawn. */
    async function someMessages(random: Random, recording: RoomRecording): Promise<void> {
      const wanted = recording.messages.length + Math.floor(random() * 6);
      await until(`${wanted} messages have come`, () => recording.messages.length >= wanted, { everyMs: 1 });
    }

    const seed = 11 + index;
    it(`${RECONNECTS} connections cut at random moments lose and repeat nothing (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const run = new RunRecorder();
      const stop = new AbortController();
      const publishing = publishOn(run, stop.signal);
      const viewers = [1, 2, 3].map(() => newClient(random));
      const recordings = viewers.map((client) => run.follow(client, 'demo', { join: { from: 'earliest' } }));
      const seen = (): number => viewers.reduce((sum, { counters }) => sum + counters.reconnects, 0);
      while (seen() < RECONNECTS) {
        const links = proxy.links;
        links[Math.floor(random() * links.length)]?.apply(rst);
        const watched = recordings[Math.floor(random() * recordings.length)];
        if (watched !== undefined) await someMessages(random, watched);
      }
      stop.abort();
      await publishing;
      const verdict = assertGuarantees(await run.finish(newClient(random)), ['Resumable']);
      const { acknowledged } = run.counts;
      assert.equal(verdict.delivered, 3 * acknowledged);
      assert.equal(
        viewers.reduce((sum, { counters }) => sum + counters.continuityViolations, 0),
        0,
      );
    });

    it('150 processes that end at random moments and go on from their stored cursor (seed 13)', async () => {
      const random = seededRandom(13);
      const run = new RunRecorder();
      const stop = new AbortController();
      const publishing = publishOn(run, stop.signal);
      const cursorStore = new MemoryCursorStore();
      const join = { from: 'earliest', cursorName: 'mine' } as const;
      let client = newClient(random, cursorStore);
      const recording = run.follow(client, 'demo', { join });
      for (let restarts = 0; restarts < 150; restarts++) {
        await someMessages(random, recording);
        await client.close();
        await recording.restarted('clean', cursorStore.load('mine', 'demo'));
        client = newClient(random, cursorStore);
        recording.follow(client);
      }
      stop.abort();
      await publishing;
      const verdict = assertGuarantees(await run.finish(newClient(random)), ['Resumable']);
      assert.equal(verdict.delivered, run.counts.acknowledged);
    });

    it('viewers that begin at every moment of a room miss nothing behind their beginning (seed 14)', async () => {
      const random = seededRandom(14);
      const run = new RunRecorder();
      const stop = new AbortController();
      const publishing = publishOn(run, stop.signal);
      const first = run.follow(newClient(random), 'demo', { join: { from: 'earliest' } });
      const starts = ['live', 'earliest', { last: 5 }] as const;
      for (let n = 0; n < 60; n++) {
        await someMessages(random, first);
        run.follow(newClient(random), 'demo', { join: { from: starts[n % starts.length] ?? 'live' } });
      }
      stop.abort();
      await publishing;
      assertGuarantees(await run.finish(newClient(random)));
      assert.equal(gateway.stats.gaps + gateway.stats.resets, 0);
    });
  });
