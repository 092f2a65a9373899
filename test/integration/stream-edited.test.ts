import assert from 'node:assert/strict';
import { nanos } from 'nats';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { Witness } from '../helpers/witness.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { RoomEvent } from '../../client/index.ts';

/**
 * NATS 2.9 and 2.10 give a stream another time of creation when they restart after it was edited. Its messages are the
 * same, and so must be the viewers' place among them, whichever name the stream has afterwards.
 */
describe('Reliable: a stream that is edited, and NATS restarted', () => {
  it('resets nobody: neither live viewers, nor those that were away, nor those that come again', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url);
    const client = gateway.client();
    for (const n of [1, 2, 3]) await client.publish('edited', { type: 'gift', payload: String(n) });
    const live: RoomEvent[] = [];
    const subscription = client.join('edited', { from: 'earliest' });
    const following = (async () => {
      for await (const event of subscription) live.push(event);
    })();
    await until('the viewer is live', () => live.some(({ kind }) => kind === 'caught-up'));
    const before = lastCursor(live);

    const { epoch, natsVersion } = await editAndRestart(nats);
    if (natsVersion.startsWith('2.9.')) assert.notEqual(epoch, before.epoch, 'what this is about');

    await until(
      'the viewer is told the name that the stream has now',
      () => lastCursor(live).epoch === epoch,
    );
    await client.publish('edited', { type: 'gift', payload: '5' });
    await until(
      'the next message has come',
      () => live.filter(({ kind }) => kind === 'message').length === 5,
    );
    assert.equal(live.filter(({ kind }) => kind === 'reset').length, 0);

    const told: string[] = [];
    for await (const event of gateway.client().join('edited', { from: { cursor: before } })) {
      if (event.kind === 'audience') continue;
      told.push(event.kind === 'joined' ? event.outcome : event.kind);
      if (event.kind === 'caught-up') break;
    }
    assert.deepEqual(told, ['RESUMED', 'message', 'message', 'caught-up']);
    subscription.leave();
    await following;
  });

  it('resets nobody in a room that was purged, nor those who come back to the gateway that remembers', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, {}, { clock: quickClock });
    const client = gateway.client();
    await client.publish('other', { type: 'gift', payload: '1' });
    for (const n of [2, 3]) await client.publish('edited', { type: 'gift', payload: String(n) });
    const live = new Witness(client, 'edited', { from: 'earliest' });
    await live.has(2);
    await live.caughtUp();
    const { cursor } = live.subscription;
    await purge(nats.url);
    await client.publish('other', { type: 'gift', payload: '4' });
    await live.hears('caught up at 4');

    const { epoch } = await editAndRestart(nats, 'other');

    await until('the gateway knows the new name', () => live.subscription.cursor?.epoch === epoch);
    await until('NATS takes publishes again', () => client.publish('edited', { type: 'gift', payload: '6' }));
    await live.has(3);
    assert.deepEqual([gateway.stats.gaps, gateway.stats.resets], [0, 0]);
    assert.ok(cursor !== undefined);
    const back = new Witness(gateway.client(), 'edited', { from: { cursor } });
    await back.caughtUp();
    assert.equal(back.told[0], 'joined RESUMED at 3');
    assert.deepEqual(back.payloads, ['6']);
  });
});

async function purge(url: string): Promise<void> {
  await using producer = await StockProducer.connect(url);
  await producer.jsm.streams.purge('LIVE', { filter: 'live.room.edited' });
}

async function editAndRestart(
  nats: TestNats,
  room = 'edited',
): Promise<{ epoch: string; natsVersion: string }> {
  // It is the edit of a server that was restarted which writes another time into its store.
  await nats.restart();
  await edit(nats.url, room);
  await nats.restart();
  await using producer = await StockProducer.connect(nats.url);
  return { epoch: (await producer.state()).epoch, natsVersion: producer.nc.info?.version ?? '' };
}

async function edit(url: string, room: string): Promise<void> {
  await using producer = await StockProducer.connect(url);
  // Newer than the time that the stream is about to get.
  await producer.publish(room, '4');
  await producer.jsm.streams.update('LIVE', { max_age: nanos(7_200_000) });
}

function lastCursor(events: readonly RoomEvent[]) {
  const cursors = events.flatMap((event) => ('cursor' in event ? [event.cursor] : []));
  const last = cursors.at(-1);
  assert.ok(last !== undefined);
  return last;
}
