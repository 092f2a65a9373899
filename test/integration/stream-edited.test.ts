import assert from 'node:assert/strict';
import { nanos } from 'nats';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { RoomEvent } from '../../client/index.ts';

/**
 * NATS 2.9 and 2.10 give a stream another time of creation when they restart after it was edited. Its messages are the
 * same, and so must be the viewers' place among them, whichever name the stream has afterwards.
 */
describe('a stream that is edited, and NATS restarted', () => {
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
    await until('the viewer is live', () => live.some(({ kind }) => kind === 'caughtUp'));
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
      told.push(event.kind === 'joined' ? event.outcome : event.kind);
      if (event.kind === 'caughtUp') break;
    }
    assert.deepEqual(told, ['RESUMED', 'message', 'message', 'caughtUp']);
    subscription.leave();
    await following;
  });
});

async function editAndRestart(nats: TestNats): Promise<{ epoch: string; natsVersion: string }> {
  // It is the edit of a server that was restarted which writes another time into its store.
  await nats.restart();
  await edit(nats.url);
  await nats.restart();
  await using producer = await StockProducer.connect(nats.url);
  return { epoch: (await producer.state()).epoch, natsVersion: producer.nc.info?.version ?? '' };
}

async function edit(url: string): Promise<void> {
  await using producer = await StockProducer.connect(url);
  // Newer than the time that the stream is about to get.
  await producer.publish('edited', '4');
  await producer.jsm.streams.update('LIVE', { max_age: nanos(7_200_000) });
}

function lastCursor(events: readonly RoomEvent[]) {
  const cursors = events.flatMap((event) => ('cursor' in event ? [event.cursor] : []));
  const last = cursors.at(-1);
  assert.ok(last !== undefined);
  return last;
}
