import assert from 'node:assert/strict';
import { Audience } from '../../server/core/audience.ts';
import { FeedBuffer } from '../../server/core/feed-buffer.ts';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

describe('core: hub', () => {
  let stream: StreamModel;
  let gateway: CoreGateway;

  beforeEach(() => {
    stream = new StreamModel();
    gateway = new CoreGateway(stream, undefined, { audienceMs: 1_000, lingerMs: 5_000 });
  });

  afterEach(async () => {
    gateway.close();
    await settle();
    assert.equal(gateway.clock.pending, 0, 'timers left behind');
    assert.equal(stream.feeds, 0, 'feeds left behind');
  });

  it('opens a room once for everybody who comes at the same time', async () => {
    stream.withholdAnswers();
    const rooms = Array.from({ length: 20 }, () => gateway.hub.acquire('r'));
    await settle();
    stream.answerAll();
    assert.equal(new Set(await Promise.all(rooms)).size, 1);
    assert.equal(stream.questions.feed, 1);
  });

  it('keeps a room for a while after its last user, and closes it then', async () => {
    const room = await gateway.hub.acquire('r');
    gateway.hub.release(room);
    await gateway.pass(4_900);
    assert.equal(await gateway.hub.acquire('r'), room);
    await gateway.pass(10_000);
    assert.equal(gateway.hub.roomCount, 1);
    gateway.hub.release(room);
    await gateway.pass(5_000);
    assert.equal(gateway.hub.roomCount, 0);
    assert.notEqual(await gateway.hub.acquire('r'), room);
  });

  it('a room that could not be opened leaves nothing behind, and can be opened later', async () => {
    stream.leader = 'away';
    const attempts = await Promise.allSettled([gateway.hub.acquire('r'), gateway.hub.acquire('r')]);
    assert.deepEqual(
      attempts.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(gateway.hub.roomCount, 0);
    stream.leader = 'present';
    assert.ok(await gateway.hub.acquire('r'));
  });

  it('holds all rooms together within their limit, the largest giving first', async () => {
    gateway.close();
    gateway = new CoreGateway(stream, undefined, { roomLogBytes: 1 << 30, logBytes: 1 << 20 });
    const rooms = await Promise.all(['a', 'b', 'c'].map((name) => gateway.hub.acquire(name)));
    stream.publish('a', 'small');
    for (let n = 0; n < 40; n++) stream.publish('b', 'x'.repeat(100_000));
    for (let n = 0; n < 2; n++) stream.publish('c', 'x'.repeat(50_000));
    await gateway.pass(200);
    assert.ok(gateway.hub.memory <= 1 << 20);
    const [a, b, c] = rooms.map((room) => room.timeline.log.base);
    assert.equal(a, 0);
    assert.ok((b ?? 0) > 0);
    assert.equal(c, 0);
  });

  it('tells viewers and other gateways how many are there, over all gateways', async () => {
    const client = new ModelClient(gateway);
    await client.join('r');
    await settle();
    await gateway.pass(1_000);
    assert.deepEqual(stream.announced.at(-1), ['r', 1]);
    const audiences = (): string[] => client.told.filter((line) => line.startsWith('audience'));
    assert.deepEqual(audiences(), ['audience 1']);
    await gateway.pass(3_000);
    assert.deepEqual(audiences(), ['audience 1'], 'what has not changed is not told');
    const second = new ModelClient(gateway, 'second');
    await second.join('r');
    await gateway.pass(1_000);
    assert.deepEqual(audiences(), ['audience 1', 'audience 2']);
    assert.equal(second.told.at(-1), 'audience 2');
    second.disconnect();
    const third = new ModelClient(gateway, 'third');
    await third.join('r');
    await gateway.pass(1_000);
    assert.deepEqual(audiences(), ['audience 1', 'audience 2'], 'it has changed, and changed back');
    assert.equal(third.told.at(-1), 'audience 2');
    third.disconnect();
    client.leave('r');
    assert.deepEqual(stream.announced.at(-1), ['r', 0]);
    client.disconnect();
  });
});

describe('core: audience', () => {
  it('adds up what gateways last said, and forgets those that fell silent', () => {
    const audience = new Audience();
    audience.report('a', 3, 0);
    audience.report('b', 4, 10_000);
    audience.report('a', 5, 10_000);
    assert.equal(audience.total(1, 10_000), 10);
    audience.report('b', 0, 11_000);
    assert.equal(audience.total(1, 11_000), 6);
    assert.equal(audience.total(1, 30_001), 1);
  });
});

describe('core: feed buffer', () => {
  const message = (seq: number, bytes: number): Parameters<FeedBuffer['push']>[0] => {
    const content = { id: '', type: '', sender: '', payload: Buffer.alloc(bytes, seq), headers: [] };
    return { message: { seq, fingerprint: 1, content, timeMs: 0 }, prevSeq: seq - 1 };
  };

  it('gives back everything, in order, and its own copy', () => {
    const buffer = new FeedBuffer(10_000);
    const first = message(1, 10);
    buffer.push(first);
    buffer.push(message(2, 10));
    first.message.content.payload.fill(0);
    const { messages, complete } = buffer.drain();
    assert.ok(complete);
    assert.deepEqual(
      messages.map((each) => [each.message.seq, each.message.content.payload[0]]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.deepEqual(buffer.drain(), { messages: [], complete: true });
  });

  it('is bounded, says that something is missing, and lets nothing in behind the hole', () => {
    const buffer = new FeedBuffer(3_000);
    for (const seq of [1, 2]) buffer.push(message(seq, 1_000));
    buffer.push(message(3, 1_000));
    buffer.push(message(4, 1));
    const { messages, complete } = buffer.drain();
    assert.equal(complete, false);
    assert.deepEqual(
      messages.map((each) => each.message.seq),
      [1, 2],
    );
    buffer.push(message(5, 1));
    assert.ok(buffer.drain().complete);
  });
});
