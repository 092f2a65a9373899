import assert from 'node:assert/strict';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { accountConfig, ADMIN } from '../helpers/nats-account.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const ROOMS = Array.from({ length: 12 }, (_, index) => `room-${index + 1}`);

describe('Reliable: a feed that NATS does not let us have', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let producer: StockProducer;
  let viewer: RawStream;

  async function start(config: string): Promise<void> {
    nats = await startNats({ config });
    gateway = await startTestGateway(nats.url, { heartbeatMs: 500 });
    producer = await StockProducer.connect(nats.url, 'LIVE', ADMIN);
    viewer = RawStream.hello(gateway.address);
  }

  /** Resolves when the producer is there again: NATS may end its connection, and what is published into that is never answered. */
  async function reconfigure(config: string): Promise<void> {
    await nats.reconfigure(config);
    await producer.isBack();
  }

  afterEach(async () => {
    viewer.close();
    await producer.close();
    await gateway.close();
    await nats.stop();
  });

  const roomsOf = (frames: readonly { room: string }[]): string[] => frames.map(({ room }) => room);
  const payloadsOf = (room: string): string[] =>
    viewer
      .all('batch')
      .filter((batch) => batch.room === room)
      .flatMap(({ reliable }) => reliable.map(({ payload }) => payload.toString()));
  const causes = (): readonly string[] => gateway.stats.upstreamCauses;

  /** Joins rooms one after the other; resolves with those that were let in. */
  async function joinAll(rooms: readonly string[]): Promise<string[]> {
    for (const [index, room] of rooms.entries()) {
      viewer.send({ join: { room, start: { live: {} } } });
      await until(
        `${room} is joined or refused`,
        () => viewer.all('caughtUp').length + viewer.all('roomError').length > index,
      );
    }
    return roomsOf(viewer.all('caughtUp'));
  }

  /** Stores a message in each room, and waits until the viewer has it. */
  async function reach(rooms: readonly string[], payload: string): Promise<void> {
    for (const room of rooms) await producer.publish(room, payload);
    for (const room of rooms) {
      await until(`${room} has ${payload}`, () => payloadsOf(room).includes(payload));
    }
  }

  // Whatever the rooms leave over: reads need none of it.
  for (const limit of [16, 17, 18])
    it(`beyond the limit of ${limit} subscriptions: the join fails, and the rooms that fitted go on`, async () => {
      await start(accountConfig({ server: `max_subscriptions: ${limit}` }));
      const joined = await joinAll(ROOMS);
      assert.ok(joined.length >= 3 && joined.length <= 6, `${joined.length} rooms fit`);
      for (const { refusal } of viewer.all('roomError')) {
        assert.equal(refusal?.reason, 'REASON_UPSTREAM_UNAVAILABLE');
      }
      assert.deepEqual(roomsOf(viewer.all('joined')), joined);
      await reach(joined, 'first');
      const { repairs } = gateway.stats;
      await reach(joined, 'second');
      assert.equal(gateway.stats.repairs, repairs, 'by the feed, not by polling');
      assert.deepEqual(causes(), []);
    });

  it('beyond the limit after a reconnect: those rooms know it, are polled, and recover', async () => {
    await start(accountConfig());
    assert.deepEqual(await joinAll(ROOMS), ROOMS);
    await nats.restart(accountConfig({ server: 'max_subscriptions: 17' }));
    await producer.isBack();
    await until('it is told', () => causes().includes('FEED_MISSING'));
    await reach(ROOMS, 'all the same');
    await until('viewers are told', () =>
      viewer.all('heartbeat').some(({ causes: told }) => told.includes('UPSTREAM_CAUSE_FEED_MISSING')),
    );
    await nats.restart(accountConfig());
    await producer.isBack();
    await until('it is over', () => causes().length === 0);
    const { repairs } = gateway.stats;
    await reach(ROOMS, 'as before');
    assert.equal(gateway.stats.repairs, repairs);
  });

  it('taken away by a reload: it is told, the room is polled, and recovers when it is given back', async () => {
    await start(accountConfig());
    await joinAll(['tea', 'chess']);
    await reconfigure(accountConfig({ denySubscribe: ['live.feed.tea'] }));
    await until('it is told', () => causes().includes('FEED_MISSING'));
    await reach(['tea', 'chess'], 'all the same');
    await reconfigure(accountConfig());
    await until('it is over', () => causes().length === 0);
    await reach(['tea', 'chess'], 'as before');
  });

  it('a room that may not be listened to is not joined', async () => {
    await start(accountConfig({ denySubscribe: ['live.feed.secret'] }));
    await producer.publish('secret', 'stored');
    const joined = await joinAll(['secret', 'tea']);
    assert.deepEqual(joined, ['tea']);
    assert.deepEqual(roomsOf(viewer.all('joined')), ['tea']);
    const [error] = viewer.all('roomError');
    assert.equal(error?.refusal?.reason, 'REASON_UPSTREAM_UNAVAILABLE');
    await reach(['tea'], 'told');
  });

  it('ephemeral messages that may no longer be listened to are told of, and reliable ones go on', async () => {
    await start(accountConfig());
    await joinAll(['tea']);
    await reconfigure(accountConfig({ denySubscribe: ['live.eph.*'] }));
    await until('it is told', () => causes().includes('FEED_MISSING'));
    await reach(['tea'], 'all the same');
    await reconfigure(accountConfig());
    await until('it is over', () => causes().length === 0);
  });
});
