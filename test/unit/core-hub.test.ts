import assert from 'node:assert/strict';
import { ViewerCounts } from '../../server/cluster/viewer-counts.ts';
import { Hub } from '../../server/room/hub.ts';
import { FeedBuffer } from '../../server/room/feed-buffer.ts';
import type { Room } from '../../server/room/room.ts';
import { CoreGateway, LIMITS, ModelClient } from '../helpers/core-gateway.ts';
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

  it('keeps so many rooms after their last user, and of more closes those first that have been without for longest', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `r${n}`);
    const rooms = await Promise.all(names.map((name) => gateway.hub.acquire(name)));
    for (const room of rooms) gateway.hub.release(room);
    assert.equal(gateway.hub.roomCount, 10);
    assert.equal(await gateway.hub.acquire('r2'), rooms[2]);
    assert.notEqual(await gateway.hub.acquire('r1'), rooms[1]);
    for (const name of ['r1', 'r2']) gateway.hub.release(await gateway.hub.acquire(name));
  });

  it('opens rooms in turns of those who ask, and not at all for whoever does not want it any more', async () => {
    stream.withholdAnswers();
    const greedy = { group: 'greedy' };
    const names = Array.from({ length: 40 }, (_, n) => `r${n}`);
    let wanted = true;
    const all = names.map((name) => gateway.hub.acquire(name, { asker: greedy, wanted: () => wanted }));
    const settled = Promise.allSettled(all);
    await settle();
    assert.equal(stream.questions.feed, 32);
    // Somebody else comes by another way for a room that waits, and for one of its own.
    const other = { group: 'other' };
    const both = ['r39', 'own'].map((name) => gateway.hub.acquire(name, { asker: other }));
    wanted = false;
    stream.answerAll();
    const rooms = await Promise.all(both);
    assert.deepEqual(
      rooms.map(({ name }) => name),
      ['r39', 'own'],
    );
    const outcomes = await settled;
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 33);
    assert.equal(gateway.hub.roomCount, 34);
    assert.equal(stream.questions.feed, 34);
  });

  it('who wants a room that somebody waits for is never one too many, and gets it even if those lose interest', async () => {
    for (const wanted of [0, 1_000, 3_000]) {
      stream.withholdAnswers();
      const busy = Array.from({ length: 32 }, (_, n) => gateway.hub.acquire(`r${wanted}-${n}`));
      let lost = false;
      // Viewers behind a proxy, on one connection.
      const viewers = Array.from({ length: 3_000 }, (_, n) =>
        gateway.hub.acquire(`hot${wanted}`, {
          asker: { group: 'pool' },
          wanted: () => !lost || n >= 3_000 - wanted,
        }),
      );
      const settled = Promise.allSettled(viewers);
      await settle();
      lost = true;
      stream.answerAll();
      const got = (await settled).filter(({ status }) => status === 'fulfilled').length;
      assert.ok(got >= wanted, `${got} of ${wanted}`);
      await Promise.all(busy);
    }
    assert.equal(gateway.hub.roomCount, 3 * 32 + 2);
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
    assert.equal(gateway.hub.memory, sizeOf(rooms));
    const [a, b, c] = rooms.map((room) => room.follower.log.messages.base);
    assert.equal(a, 0);
    assert.ok((b ?? 0) > 0);
    assert.equal(c, 0);
  });

  it('knows what rooms take without looking at all of them: messages, history, frames, and what is gone', async () => {
    const { hub } = gateway;
    for (let n = 0; n < 20; n++) stream.publish('r', 'x'.repeat(10_000));
    const room = await hub.acquire('r');
    const empty = hub.memory;
    const viewer = new ModelClient(gateway);
    await viewer.join('r', { kind: 'earliest' });
    await settle();
    assert.equal(hub.memory, room.memory);
    assert.ok(hub.memory > empty + 200_000, 'a page of history');
    stream.publish('r', 'x'.repeat(100_000));
    await settle();
    assert.equal(hub.memory, room.memory);
    viewer.disconnect();
    hub.release(room);
    await gateway.pass(5_000);
    assert.deepEqual([hub.roomCount, hub.memory], [0, 0]);
  });

  it('tells audiences every other time while viewers wait for what they are owed', async () => {
    let waiting = true;
    const limits = { ...LIMITS, audienceMs: 1_000 };
    const hub = new Hub(stream, new ViewerCounts('g'), gateway.clock, limits, () => waiting);
    const room = await hub.acquire('r');
    let told = 0;
    room.tellAudience = () => told++;
    const subscription = room.join({ wake: () => undefined }, { kind: 'live' });
    await gateway.pass(1_000);
    assert.equal(told, 0);
    await gateway.pass(1_000);
    assert.equal(told, 1);
    await gateway.pass(1_000);
    assert.equal(told, 1);
    waiting = false;
    await gateway.pass(1_000);
    await gateway.pass(1_000);
    assert.equal(told, 3);
    subscription.leave();
    hub.close();
  });

  it('tells viewers how many are there', async () => {
    const client = new ModelClient(gateway);
    await client.join('r');
    await settle();
    await gateway.pass(1_000);
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
    client.disconnect();
  });
});

function sizeOf(rooms: readonly Room[]): number {
  return rooms.reduce((sum, room) => sum + room.memory, 0);
}

describe('core: audiences', () => {
  let here: ViewerCounts;
  let there: ViewerCounts;

  beforeEach(() => {
    here = new ViewerCounts('here');
    there = new ViewerCounts('there');
  });

  /** What one tells reaches the other; returns whether nothing was missing. */
  function tell(from: ViewerCounts, to: ViewerCounts, nowMs = 0): boolean {
    return from.news().every((news) => to.receive(news, nowMs));
  }

  it('adds up what is here and what the others tell, which is only what has changed', () => {
    here.report('tea', 2);
    there.report('tea', 3);
    there.report('coffee', 1);
    assert.ok(tell(there, here));
    assert.deepEqual([here.total('tea'), here.total('coffee'), here.total('none')], [5, 1, 0]);
    there.report('tea', 4);
    there.report('coffee', 0);
    const [news, ...more] = there.news();
    assert.deepEqual(more, []);
    assert.deepEqual(news?.rooms, [
      ['tea', 4],
      ['coffee', 0],
    ]);
    assert.ok(here.receive(news, 0));
    assert.deepEqual([here.total('tea'), here.total('coffee')], [6, 0]);
    assert.deepEqual(there.news()[0]?.rooms, []);
  });

  it('notices that something is missing, and has everything once it is told that', () => {
    tell(there, here);
    there.report('tea', 1);
    there.news();
    there.report('coffee', 1);
    assert.ok(!tell(there, here));
    assert.deepEqual([here.total('tea'), here.total('coffee')], [0, 0]);
    there.tellEverything();
    assert.ok(tell(there, here));
    assert.deepEqual([here.total('tea'), here.total('coffee')], [1, 1]);
  });

  it('asks a gateway of which it has never heard for everything', () => {
    there.news();
    there.report('tea', 1);
    assert.ok(!tell(there, here));
  });

  it('forgets a gateway that has gone, or fallen silent', () => {
    there.report('tea', 1);
    tell(there, here, 1_000);
    for (let nowMs = 1_000; nowMs <= 4_500; nowMs += 500) assert.deepEqual(here.expire(nowMs), []);
    assert.deepEqual(here.expire(4_501), ['there']);
    assert.equal(here.total('tea'), 0);
    there.tellEverything();
    tell(there, here, 9_000);
    assert.equal(here.total('tea'), 1);
    here.forget('there');
    assert.equal(here.total('tea'), 0);
  });

  it('does not take its own event-loop stall for the silence of others', () => {
    there.report('tea', 1);
    tell(there, here, 1_000);
    here.expire(1_000);
    assert.deepEqual(here.expire(9_000), []);
    tell(there, here, 9_001);
    assert.deepEqual(here.expire(10_000), []);
    assert.equal(here.total('tea'), 1);
  });

  it('tells tens of thousands of rooms in pieces, and names that objects have already', () => {
    for (let n = 0; n < 10_000; n++) there.report(`r${n}`, n + 1);
    there.report('__proto__', 7);
    const pieces = there.news();
    assert.ok(pieces.length > 1);
    for (const piece of pieces) {
      assert.ok(here.receive(JSON.parse(JSON.stringify(piece)) as (typeof pieces)[number], 0));
    }
    assert.deepEqual([here.total('r9999'), here.total('__proto__')], [10_000, 7]);
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
