import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveClient } from '../../client/index.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { Witness } from '../helpers/witness.ts';
import { transports, webSocket } from '../helpers/transports.ts';

const PAYLOAD_BYTES = 8 * 1024;
const MESSAGES = 64;

describe('Isolated: credit of a room', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let publisher: LiveClient;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, webSocket.config);
    publisher = gateway.client();
  });
  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  async function fill(room: string, messages = MESSAGES): Promise<void> {
    const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');
    await Promise.all(
      Array.from({ length: messages }, () => publisher.publish(room, { type: 'gift', payload })),
    );
  }

  /** What the batches of a room have cost, as a client counts. */
  function cost(stream: RawStream, room: string): number {
    const batches = stream.all('batch').filter((batch) => batch.room === room);
    return batches.reduce((sum, batch) => sum + encodeServerFrame({ batch }).length, 0);
  }

  function count(stream: RawStream, room: string): number {
    const batches = stream.all('batch').filter((batch) => batch.room === room);
    return batches.reduce((sum, { reliable }) => sum + reliable.length, 0);
  }

  it('is not exceeded by more than one batch; what else there is flows; and more of it brings the rest, once', async () => {
    await fill('slow');
    await fill('other', 4);
    using stream = RawStream.hello(gateway.address);
    stream.send(
      { join: { room: 'slow', start: { earliest: {} }, creditBytes: 10 } },
      { join: { room: 'other', start: { earliest: {} } } },
    );
    await until('the other room has caught up', () =>
      stream.all('caughtUp').some(({ room }) => room === 'other'),
    );
    await until('the slow one has had a batch', () => count(stream, 'slow') > 0);
    const message = { room: 'slow', type: 'gift', payload: Buffer.from('more') };
    stream.send({ publish: { requestId: 1, request: message } });
    assert.ok((await stream.result()).published);
    await fill('other', 1);
    await until('the other room goes on', () => count(stream, 'other') === 5);
    assert.equal(stream.all('batch').filter(({ room }) => room === 'slow').length, 1);
    assert.ok(!stream.all('caughtUp').some(({ room }) => room === 'slow'));
    while (count(stream, 'slow') < MESSAGES + 1) {
      const before = count(stream, 'slow');
      stream.send({ credit: { room: 'slow', bytes: cost(stream, 'slow') } });
      await until('more comes', () => count(stream, 'slow') > before);
    }
    await until('it has caught up', () => stream.all('caughtUp').some(({ room }) => room === 'slow'));
    assert.equal(count(stream, 'slow'), MESSAGES + 1);
  });

  it('costs a batch what its frame has before compression', async () => {
    await fill('priced');
    using stream = RawStream.hello(gateway.address, { client: 'raw', features: ['FEATURE_DEFLATE'] });
    stream.send({ join: { room: 'priced', start: { earliest: {} }, creditBytes: 1 } });
    await until('the credit is used up', () => stream.all('deflated').length === 1);
    // A batch holds less than 64 KiB of messages that compress to almost nothing.
    stream.send({ credit: { room: 'priced', bytes: 1024 } });
    stream.send({ ping: { nonce: 1 } });
    await stream.next('pong');
    await sleep(0);
    assert.equal(stream.all('deflated').length, 1);
    stream.send({ credit: { room: 'priced', bytes: 64 * 1024 } });
    await until('more comes', () => stream.all('deflated').length === 2);
  });

  it('exhausted: ephemeral messages are dropped and counted, each once', async () => {
    using stream = RawStream.hello(gateway.address);
    stream.send({ join: { room: 'chatty', start: { live: {} }, creditBytes: 0 } });
    await until('it is live', () => stream.all('caughtUp').length === 1);
    for (let n = 0; n < 20; n++) await publisher.publish('chatty', { type: 'comment', payload: `${n}` });
    // Those of the last second may still be had.
    await sleep(2_100);
    await publisher.publish('chatty', { type: 'comment', payload: 'last' });
    await publisher.publish('chatty', { type: 'gift', payload: 'g' });
    assert.equal(stream.all('batch').length, 0);
    stream.send({ credit: { room: 'chatty', bytes: 1_000_000 } });
    await until('the gift comes', () => stream.reliable.includes('g'));
    const batches = stream.all('batch');
    const had = batches.reduce((sum, { ephemeral }) => sum + ephemeral.length, 0);
    const dropped = batches.reduce((sum, { ephemeralDropped }) => sum + ephemeralDropped, 0);
    assert.equal(had + dropped, 21);
    assert.ok(dropped >= 20, `${dropped} dropped`);
  });

  for (const transport of transports)
    describe(`in the client by ${transport.name}`, () => {
      const window = () => ({
        endpoints: [transport.endpointAt(transport.addressOf(gateway))],
        roomWindowBytes: 64 * 1024,
      });
      /** A room of this transport's tests alone. */
      const roomOf = (name: string) => `${name}-${transport.name}`;

      it('a bot answers from inside its loop, during a replay', async () => {
        const client = gateway.client(window());
        await fill(roomOf('bot'), 200);
        let answers = 0;
        for await (const event of client.join(roomOf('bot'), { from: 'earliest' })) {
          if (event.kind !== 'message') continue;
          await client.publish(roomOf('answers'), { type: 'gift', payload: 'thanks' }, { timeoutMs: 60_000 });
          answers += 1;
          if (answers === 200) break;
        }
        assert.equal((await client.room(roomOf('answers'))).count, 200n);
      });

      it('a room that nobody reads is told by name, and holds up neither the others nor publishes', async () => {
        const client = gateway.client(window());
        const stalled: string[] = [];
        client.on('stalled', (room) => stalled.push(room));
        await fill(roomOf('unread'));
        const unread = client.join(roomOf('unread'), { from: 'earliest' });
        const read = new Witness(client, roomOf('read'), { from: 'earliest' });
        await until('the unread room is told', () => stalled.includes(roomOf('unread')));
        await client.publish(roomOf('read'), { type: 'gift', payload: 'x' });
        await read.has(1);
        assert.deepEqual(stalled, [roomOf('unread')]);
        let messages = 0;
        for await (const event of unread) {
          if (event.kind === 'message') messages += 1;
          if (messages === MESSAGES) break;
        }
        assert.equal(client.counters.continuityViolations, 0);
      });
    });
});
