import assert from 'node:assert/strict';
import { connect } from 'nats';
import type { LiveClient, LiveError, RoomEvent } from '../../client/index.ts';
import type { PublishResult } from '../../protos/gen/live/v1/PublishResult.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { rawPublish, RawStream } from '../helpers/raw-stream.ts';
import { textOf } from '../helpers/text.ts';

describe('Unique: publishing', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let client: LiveClient;
  let rooms = 0;
  let room: string;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
    client = gateway.client();
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  beforeEach(() => {
    room = `room-${++rooms}`;
  });

  const count = async (of: string): Promise<number> => Number((await client.room(of)).count);

  /** Everything that a viewer of the room gets from now on. */
  async function watch(): Promise<RoomEvent[]> {
    const events: RoomEvent[] = [];
    const viewer = gateway.client();
    const follow = async (): Promise<void> => {
      for await (const event of viewer.join(room)) events.push(event);
    };
    void follow();
    await until('the viewer is live', () => events.some(({ kind }) => kind === 'caught-up'));
    return events;
  }

  it('the same key twice is one message: the second answer says duplicate, with the same sequence', async () => {
    const events = await watch();
    const message = { type: 'gift', payload: 'rose', sender: 'ann', key: 'k1' };
    const first = await client.publish(room, message);
    const second = await client.publish(room, message);
    assert.deepEqual(second, { seq: first.seq, duplicate: true });
    assert.equal(first.duplicate, false);
    assert.equal(await count(room), 1);
    const last = await client.publish(room, { ...message, key: 'k2' });
    await until('the viewer has the last one', () =>
      events.some((event) => event.kind === 'message' && event.message.seq === last.seq),
    );
    assert.equal(events.filter(({ kind }) => kind === 'message').length, 2);
  });

  it('the same key at once, over streams and short calls, is one message', async () => {
    const message = { type: 'gift', payload: 'rose', sender: 'ann', key: 'k1' };
    const payload = Buffer.from('rose');
    const results = await Promise.all([
      ...Array.from({ length: 5 }, async () => (await gateway.client().publish(room, message)).seq),
      ...Array.from({ length: 5 }, async () => {
        const { result } = await rawPublish(gateway.address, { room, ...message, payload });
        return BigInt(result?.seq ?? 0);
      }),
    ]);
    assert.equal(new Set(results).size, 1);
    assert.equal(await count(room), 1);
  });

  it('the same key in two rooms is two messages', async () => {
    const other = `${room}-b`;
    const message = { type: 'gift', payload: 'rose', sender: 'ann', key: 'k1' };
    const results = [await client.publish(room, message), await client.publish(other, message)];
    assert.deepEqual(
      results.map(({ duplicate }) => duplicate),
      [false, false],
    );
    assert.deepEqual([await count(room), await count(other)], [1, 1]);
  });

  it('the same key from two senders is two messages', async () => {
    for (const sender of ['ann', 'bob', 'ann:k1', '']) {
      const { duplicate } = await client.publish(room, { type: 'gift', payload: 'rose', sender, key: 'k1' });
      assert.equal(duplicate, false, sender);
    }
    assert.equal(await count(room), 4);
  });

  it('without a key every message is one of its own', async () => {
    for (let n = 0; n < 3; n++) {
      const { result } = await rawPublish(gateway.address, { room, type: 'gift', sender: 'ann' });
      assert.equal(result?.duplicate, false);
    }
    assert.equal(await count(room), 3);
  });

  it('an ephemeral message has sequence 0, reaches who is there, and is not stored', async () => {
    const events = await watch();
    const result = await client.publish(room, { type: 'comment', payload: 'hi', headers: { colour: 'red' } });
    assert.deepEqual(result, { seq: 0n, duplicate: false });
    const comment = await until('the comment comes', () =>
      events.find((event) => event.kind === 'ephemeral' && event.message.type === 'comment'),
    );
    assert.ok(comment.kind === 'ephemeral');
    assert.equal(textOf(comment.message.payload), 'hi');
    assert.equal(comment.message.headers['colour'], 'red');
    assert.equal(await count(room), 0);
  });

  it("a type of one's own goes with the class that is given", async () => {
    const stored = await client.publish(room, { type: 'fireworks', class: 'RELIABLE', payload: 'x' });
    assert.ok(stored.seq > 0n);
    const passing = await client.publish(room, { type: 'spark', class: 'EPHEMERAL', payload: 'x' });
    assert.equal(passing.seq, 0n);
  });

  it('everything that was published arrives: type, sender, id, headers and any bytes', async () => {
    const events = await watch();
    const payload = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const headers = { colour: 'red', size: 'größer', empty: '' };
    await client.publish(room, { type: 'gift', payload, sender: 'ä b/c', key: 'ü:1', headers });
    const event = await until('it arrives', () => events.find(({ kind }) => kind === 'message'));
    assert.ok(event.kind === 'message');
    const { message } = event;
    assert.deepEqual(
      { type: message.type, sender: message.sender, id: message.id, headers: message.headers },
      { type: 'gift', sender: 'ä b/c', id: `${room}:%C3%A4%20b%2Fc:%C3%BC%3A1`, headers },
    );
    assert.deepEqual(Buffer.from(message.payload), payload);
  });

  it('the largest payload allowed is stored and delivered', async () => {
    const events = await watch();
    using stream = RawStream.hello(gateway.address);
    const { limits } = await stream.next('welcome');
    const payload = Buffer.alloc(limits?.payloadBytes ?? 0, 'x');
    const headers = { a: 'x'.repeat(4_000) };
    const message = { type: 'gift', payload, sender: 's'.repeat(256), key: 'k'.repeat(256), headers };
    await client.publish(room, message);
    const event = await until('it arrives', () => events.find(({ kind }) => kind === 'message'));
    assert.ok(event.kind === 'message' && payload.equals(event.message.payload));
    await assert.rejects(
      client.publish(room, { ...message, key: 'k', payload: Buffer.alloc(payload.length + 1) }),
      (error: LiveError) => error.reason === 'PAYLOAD_TOO_LARGE',
    );
  });

  it("a stock NATS client's message arrives, without any of our headers", async () => {
    const events = await watch();
    const connection = await connect({ servers: nats.url });
    await connection.jetstream().publish(`live.room.${room}`, 'from afar');
    await connection.close();
    const event = await until('it arrives', () => events.find(({ kind }) => kind === 'message'));
    assert.ok(event.kind === 'message');
    const { type, sender, id, payload } = event.message;
    assert.deepEqual([type, sender, id, textOf(payload)], ['', '', '', 'from afar']);
  });

  it('publishes on one stream are stored in the order in which they were sent', async () => {
    using stream = RawStream.hello(gateway.address);
    await stream.next('welcome');
    const messages = 200;
    for (let requestId = 1; requestId <= messages; requestId++) {
      stream.send({ publish: { requestId, request: { room, type: 'gift', key: String(requestId) } } });
    }
    await until('all are answered', () => stream.results.length === messages);
    assert.ok(stream.all('publishResults').length < messages, 'what waits goes in one frame');
    const seqOf = ({ published }: PublishResult): bigint => BigInt(published?.seq ?? assert.fail('refused'));
    const bySeq = stream.results.toSorted((a, b) => Number(seqOf(a) - seqOf(b)));
    assert.deepEqual(
      bySeq.map(({ requestId }) => Number(requestId)),
      Array.from({ length: messages }, (_, n) => n + 1),
    );
  });
});
