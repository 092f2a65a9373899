import assert from 'node:assert/strict';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { Cursor, LiveClient } from '../../client/index.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const ROOMS = 200;
/** A stream of a client joins no more than 100. */
const ROOMS_A_CLIENT = 50;
/** Set to 1 for the numbers that take a minute. */
const FULL = process.env['LIVE_TEST_FULL'] === '1';
/** Behind the cursor of each room, except of one. */
const STORED = FULL ? 300 : 100;
const FAR_BEHIND = FULL ? 200_000 : 20_000;
const BURST = 2_000;
/** What is told beside messages when nothing is wrong. */
const EXPECTED: ReadonlySet<string> = new Set(['caught-up', 'audience']);

const rooms = Array.from({ length: ROOMS }, (_, n) => `r${n}`);
const storedIn = (room: string): number => (room === 'r0' ? FAR_BEHIND : STORED);

/** Stores a message in each of the rooms that are named, as often as they are. */
async function store(producer: StockProducer, named: readonly string[]): Promise<void> {
  for (let start = 0; start < named.length; start += BURST) {
    const some = named.slice(start, start + BURST);
    await Promise.all(some.map((room) => producer.publish(room, 'x'.repeat(100))));
  }
}

/** The place at the end of a room. */
async function endOf(client: LiveClient, room: string): Promise<Cursor> {
  for await (const event of client.pull(room)) if (event.kind === 'end') return event.cursor;
  throw new Error(`no end of ${room}`);
}

/** Keeps the sequences of a room's messages, and notes how it was joined and what is told of trouble. */
async function follow(
  client: LiveClient,
  room: string,
  cursor: Cursor,
  seqs: bigint[],
  told: Set<string>,
): Promise<void> {
  for await (const event of client.join(room, { from: { cursor } })) {
    if (event.kind === 'message') seqs.push(event.message.seq);
    else if (event.kind === 'joined') told.add(event.outcome);
    else if (!EXPECTED.has(event.kind)) told.add(event.kind);
  }
}

describe('Isolated: many rooms at once', () => {
  it(`are resumed, ${ROOMS} of them, one ${FAR_BEHIND} messages behind, with hardly more reads than rooms`, async () => {
    await using nats = await startNats();
    await using producer = await StockProducer.connect(nats.url);
    const cursors = new Map<string, Cursor>();
    {
      await using before = await startTestGateway(nats.url);
      await store(producer, rooms);
      const client = before.client();
      for (const room of rooms) cursors.set(room, await endOf(client, room));
    }
    await store(
      producer,
      rooms.flatMap((room) => Array<string>(storedIn(room)).fill(room)),
    );
    await using proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    await using gateway = await startTestGateway(proxy.address);
    const seqs = new Map(rooms.map((room) => [room, [] as bigint[]]));
    const told = new Set<string>();
    let client = gateway.client();
    for (const [n, room] of rooms.entries()) {
      if (n % ROOMS_A_CLIENT === 0) client = gateway.client();
      void follow(client, room, cursors.get(room)!, seqs.get(room)!, told);
    }
    await until('all have everything', () => rooms.every((room) => seqs.get(room)!.length >= storedIn(room)));
    for (const room of rooms) {
      const got = seqs.get(room)!;
      assert.equal(got.length, storedIn(room), room);
      assert.ok(
        got.every((seq, index) => index === 0 || seq > got[index - 1]!),
        `${room} in order`,
      );
    }
    assert.deepEqual([...told], ['RESUMED']);
    assert.equal(proxy.accepted, 1, 'connections to NATS');
    const { historyReads } = gateway.stats;
    assert.ok(historyReads < ROOMS * 1.2, `${historyReads} reads`);
  });
});
