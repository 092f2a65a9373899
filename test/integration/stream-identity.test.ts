import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Cursor } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

describe('Reliable: the stream is no longer the one it was', () => {
  let nats: TestNats;
  let producer: StockProducer;
  /** Between `gateway` and NATS. */
  let proxy: FaultProxy;
  let gateway: TestGateway;

  beforeEach(async () => {
    nats = await startNats();
    proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    gateway = await startTestGateway(proxy.address, {}, { clock: quickClock });
    producer = await StockProducer.connect(nats.url);
  });

  afterEach(async () => {
    await gateway.close();
    await producer.close();
    await proxy.close();
    await nats.stop();
  });

  /** Keeps the gateway from NATS until `heal`. */
  async function cut(): Promise<void> {
    proxy.retarget({ host: '127.0.0.1', port: 1 });
    const { links } = proxy;
    for (const link of links) link.destroy();
    await Promise.all(links.map(({ ended }) => ended));
  }

  function heal(): void {
    proxy.retarget({ host: '127.0.0.1', port: nats.port });
  }

  /** A viewer that has been replayed what is held, so that the gateway has pages of it in memory, and is live. */
  async function watchFromEarliest(): Promise<Witness> {
    const viewer = new Witness(gateway.client(), 'demo', { from: 'earliest' });
    await viewer.caughtUp();
    return viewer;
  }

  /** The cursor of a viewer that has had everything and is gone. */
  async function cursorOfOneWhoLeft(): Promise<Cursor> {
    const client = gateway.client();
    const viewer = new Witness(client, 'demo', { from: 'earliest' });
    await viewer.caughtUp();
    const { cursor } = viewer.subscription;
    await client.close();
    return cursor ?? assert.fail('the viewer has no cursor');
  }

  /** Waits until a gateway has noticed which stream it is in front of. */
  async function knows(asked: TestGateway, epoch: string): Promise<void> {
    await until('the gateway knows the stream', async () => {
      for await (const event of asked.client().join('demo')) {
        if (event.kind === 'joined') return event.cursor.epoch === epoch;
      }
      return false;
    });
  }

  describe('deleted and created again', () => {
    async function recreate(): Promise<void> {
      const { config } = await producer.jsm.streams.info(producer.stream);
      await producer.deleteStream();
      await producer.jsm.streams.add(config);
    }

    it('live viewers are told and get what the new stream holds, not what the gateway remembers', async () => {
      await producer.burst('demo', ['old 1', 'old 2', 'old 3']);
      const viewer = await watchFromEarliest();
      await recreate();
      await producer.publish('demo', 'new 1');
      await producer.publish('demo', 'new 2');
      await viewer.has(5);
      assert.deepEqual(viewer.payloads, ['old 1', 'old 2', 'old 3', 'new 1', 'new 2']);
      assert.deepEqual(
        viewer.told.filter((line) => line.startsWith('reset')),
        ['reset RECREATED to 0'],
      );
    });

    it('live viewers of a room that stays silent are told', async () => {
      await producer.publish('demo', 'old 1');
      const viewer = await watchFromEarliest();
      await recreate();
      await viewer.hears('reset RECREATED to 0');
      await until('the viewer is at the beginning', () => viewer.subscription.cursor?.seq === 0n);
    });

    it('live viewers get everything when the new stream has outgrown the old one unseen', async () => {
      await producer.burst('demo', ['old 1', 'old 2', 'old 3']);
      const viewer = await watchFromEarliest();
      await cut();
      await recreate();
      const payloads = Array.from({ length: 9 }, (_, index) => `new ${index + 1}`);
      for (const payload of payloads) await producer.publish('demo', payload);
      heal();
      await viewer.has(12);
      assert.deepEqual(viewer.payloads.slice(3), payloads);
      assert.ok(viewer.told.includes('reset RECREATED to 0'));
    });

    for (const asked of ['the same gateway', 'a fresh gateway'] as const) {
      it(`a viewer that was away is told and gets what the new stream holds from ${asked}`, async () => {
        await producer.burst('demo', ['old 1', 'old 2', 'old 3']);
        const cursor = await cursorOfOneWhoLeft();
        await recreate();
        for (let n = 1; n <= 5; n++) await producer.publish('demo', `new ${n}`);
        await using other = await startTestGateway(nats.url, {}, { clock: quickClock });
        const from = asked === 'a fresh gateway' ? other : gateway;
        await knows(from, (await producer.state()).epoch);
        const viewer = new Witness(from.client(), 'demo', { from: { cursor } });
        await viewer.has(5);
        await viewer.caughtUp();
        assert.deepEqual(viewer.told, [
          'joined RESET at 3',
          'reset RECREATED to 0',
          ...[1, 2, 3, 4, 5].map((seq) => `message ${seq} after ${seq - 1}`),
          'caught up at 5',
        ]);
        assert.deepEqual(viewer.payloads, ['new 1', 'new 2', 'new 3', 'new 4', 'new 5']);
      });
    }
  });

  describe('restored from an older copy', () => {
    const storeOf = ({ directory }: TestNats): string => join(directory, 'jetstream');
    const copyOf = ({ directory }: TestNats): string => join(directory, 'copy');

    /** Stops NATS in between, so that the copy is whole. */
    async function keepCopy(): Promise<void> {
      await nats.kill();
      await cp(storeOf(nats), copyOf(nats), { recursive: true });
      await restart();
    }

    async function restoreCopy(): Promise<void> {
      await nats.kill();
      await rm(storeOf(nats), { recursive: true });
      await cp(copyOf(nats), storeOf(nats), { recursive: true });
      await restart();
    }

    async function restart(): Promise<void> {
      await producer.close();
      await nats.restart();
      producer = await StockProducer.connect(nats.url);
    }

    async function publishAll(...payloads: string[]): Promise<void> {
      for (const payload of payloads) await producer.publish('demo', payload);
    }

    /** The stream holds `a 1`, `a 2`; a copy is kept; then `b 3`, `b 4`, `b 5` come. */
    async function twoLives(): Promise<void> {
      await publishAll('a 1', 'a 2');
      await keepCopy();
      await publishAll('b 3', 'b 4', 'b 5');
      const client = gateway.client();
      await until('the gateway is back', () => client.room('demo'));
    }

    it('live viewers are told, and get what reuses the sequences', async () => {
      await twoLives();
      const viewer = await watchFromEarliest();
      await restoreCopy();
      await viewer.hears('reset REWOUND to 2');
      await publishAll('c 3', 'c 4');
      await viewer.has(7);
      assert.deepEqual(viewer.payloads, ['a 1', 'a 2', 'b 3', 'b 4', 'b 5', 'c 3', 'c 4']);
    });

    it('live viewers get what came after their place when the stream has outgrown it unseen', async () => {
      await twoLives();
      const viewer = await watchFromEarliest();
      await cut();
      await restoreCopy();
      await publishAll('c 3', 'c 4', 'c 5', 'c 6', 'c 7');
      heal();
      await viewer.hears('message 7 after 6');
      assert.ok(viewer.told.includes('reset REWOUND to 5'));
      assert.deepEqual(viewer.payloads.slice(5), ['c 6', 'c 7']);
    });

    it('live viewers are told when the stream has grown back to exactly their place unseen', async () => {
      await twoLives();
      const viewer = await watchFromEarliest();
      await cut();
      await restoreCopy();
      await publishAll('c 3', 'c 4', 'c 5');
      heal();
      await viewer.hears('reset REWOUND to 5');
      await publishAll('c 6');
      await viewer.has(6);
      assert.deepEqual(viewer.payloads.slice(5), ['c 6']);
    });

    it('a viewer that was away is told when the stream ends before its cursor', async () => {
      await twoLives();
      const cursor = await cursorOfOneWhoLeft();
      await restoreCopy();
      await publishAll('c 3');
      await using fresh = await startTestGateway(nats.url, {}, { clock: quickClock });
      const viewer = new Witness(fresh.client(), 'demo', { from: { cursor } });
      await viewer.caughtUp();
      assert.deepEqual(viewer.told, ['joined RESET at 5', 'reset REWOUND to 3', 'caught up at 3']);
      await publishAll('c 4');
      await viewer.hears('message 4 after 3');
    });

    it('a viewer that was away is told when another message has its sequence', async () => {
      await twoLives();
      const cursor = await cursorOfOneWhoLeft();
      await restoreCopy();
      await publishAll('c 3', 'c 4', 'c 5', 'c 6');
      await using fresh = await startTestGateway(nats.url, {}, { clock: quickClock });
      const viewer = new Witness(fresh.client(), 'demo', { from: { cursor } });
      await viewer.caughtUp();
      assert.deepEqual(viewer.told, [
        'joined RESET at 5',
        'reset REWOUND to 5',
        'message 6 after 5',
        'caught up at 6',
      ]);
      assert.deepEqual(viewer.payloads, ['c 6']);
    });

    it('a viewer that was away is told by the gateway that remembers the history before', async () => {
      await twoLives();
      const cursor = await cursorOfOneWhoLeft();
      await cut();
      await restoreCopy();
      await publishAll('c 3', 'c 4', 'c 5', 'c 6');
      heal();
      const viewer = new Witness(gateway.client(), 'demo', { from: { cursor } });
      await viewer.hears('reset REWOUND to 5');
      await viewer.has(1);
      assert.deepEqual(viewer.payloads, ['c 6']);
    });
  });
});
