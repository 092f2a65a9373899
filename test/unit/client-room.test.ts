import assert from 'node:assert/strict';
import { encodeServerFrame } from '../../protos/live.ts';
import type { Cursor } from '../../client/index.ts';
import { MemoryCursorStore } from '../../client/index.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import {
  batch,
  brief,
  caughtUp,
  cursorAt,
  EPOCH,
  joined,
  Reader,
  refusal,
  ScriptedClient,
} from '../helpers/scripted-client.ts';

const bookmark = (seq: bigint): Cursor => ({ epoch: EPOCH, seq, fingerprint: Number(seq) });

const gap = (room: string, after: number, next: number): ServerFrameInput => ({
  gap: { room, after, next, cause: 'CAUSE_RETENTION', cursor: cursorAt(next - 1, 0) },
});

/** The cursor of the newest Join that was sent; undefined if it had none. */
function joinCursor(scripted: ScriptedClient): string | undefined {
  return scripted.transport.link.sent.filter(({ join }) => join).at(-1)?.join?.cursor?.seq;
}

function reconnect(scripted: ScriptedClient): void {
  scripted.transport.link.end();
  scripted.waitOutBackoff();
  scripted.welcome();
}

describe('Ordered, Unique, Reliable, Bookmarked: client room', () => {
  let scripted: ScriptedClient;

  beforeEach(() => {
    scripted = new ScriptedClient();
  });

  it('gives a cursor before the first message', async () => {
    const subscription = scripted.client.join('r1');
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 41), caughtUp('r1', 41));
    const [first] = await reader.take(2);
    assert.equal(brief(first!), 'joined 41 STARTED');
    assert.equal(subscription.cursor?.seq, 41n);
  });

  it('advances the cursor only when the application asks for more', async () => {
    const subscription = scripted.client.join('r1');
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1], [5, 2]));
    await reader.take(2);
    assert.deepEqual(subscription.cursor, bookmark(1n));
    await reader.take(1);
    assert.deepEqual(subscription.cursor, bookmark(2n));
    subscription.commit();
    assert.deepEqual(subscription.cursor, bookmark(5n));
  });

  it('resumes after what was accepted, though the application has not handled it', async () => {
    const subscription = scripted.client.join('r1');
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1], [5, 2]));
    reconnect(scripted);
    assert.equal(joinCursor(scripted), '5');
    assert.equal(subscription.cursor, undefined);
    scripted.receive(joined('r1', 5, 'RESUMED'), batch('r1', [6, 5]));
    assert.deepEqual((await reader.take(5)).map(brief), [
      'joined 1 STARTED',
      'message 2',
      'message 5',
      'joined 5 RESUMED',
      'message 6',
    ]);
  });

  it('keeps the old cursor when it is dropped again before any message', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1]));
    for (let drops = 0; drops < 3; drops += 1) {
      reconnect(scripted);
      assert.equal(joinCursor(scripted), '2');
    }
  });

  it('asks for the same start again when it was dropped before Joined', () => {
    scripted.client.join('r1', { from: { last: 3 } });
    scripted.welcome();
    reconnect(scripted);
    assert.equal(scripted.transport.link.sent[1]?.join?.start?.last, 3);
  });

  it('drops what it has had, and counts it', async () => {
    const reader = new Reader(scripted.client.join('r1'));
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1], [3, 2]), batch('r1', [2, 1], [3, 2], [4, 3]));
    assert.deepEqual((await reader.take(4)).map(brief).slice(1), ['message 2', 'message 3', 'message 4']);
    assert.equal(scripted.client.counters.duplicatesDropped, 2);
  });

  it('rejoins from its position when a message is missing and no gap was announced', async () => {
    const reader = new Reader(scripted.client.join('r1'));
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1], [9, 7], [10, 9]), batch('r1', [11, 10]));
    scripted.clock.advance(0);
    assert.deepEqual(scripted.transport.link.sentNames.slice(2), ['leave', 'join']);
    assert.equal(joinCursor(scripted), '2');
    // Frames of the join that was left still arrive, and must not count.
    scripted.receive(batch('r1', [12, 11]), { left: { room: 'r1' } });
    scripted.receive(joined('r1', 2, 'RESUMED'), batch('r1', [7, 2], [9, 7]));
    assert.deepEqual((await reader.take(5)).map(brief), [
      'joined 1 STARTED',
      'message 2',
      'joined 2 RESUMED',
      'message 7',
      'message 9',
    ]);
    assert.equal(scripted.client.counters.continuityViolations, 1);
  });

  it('rejoins when it is told that it has a message that never came', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 5), batch('r1', [6, 5]), caughtUp('r1', 8));
    scripted.clock.advance(0);
    assert.equal(joinCursor(scripted), '6');
    scripted.receive({ left: { room: 'r1' } }, joined('r1', 8, 'RESUMED'));
    assert.equal(scripted.client.counters.continuityViolations, 2);
    assert.equal(scripted.transport.link.sentNames.at(-1), 'leave');
  });

  it('keeps the fingerprint of the message at which it stands', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 5), batch('r1', [6, 5]), {
      caughtUp: { room: 'r1', cursor: cursorAt(6, 0) },
    });
    reconnect(scripted);
    assert.equal(scripted.transport.link.sent[1]?.join?.cursor?.fingerprint, 6);
  });

  it('takes the fingerprint of the message at which it stands when it is told later', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(
      { joined: { room: 'r1', cursor: cursorAt(6, 0), head: 6, outcome: 'OUTCOME_STARTED' } },
      { caughtUp: { room: 'r1', cursor: cursorAt(6, 0) } },
    );
    scripted.receive({ caughtUp: { room: 'r1', cursor: cursorAt(6, 77) } });
    reconnect(scripted);
    assert.equal(scripted.transport.link.sent[1]?.join?.cursor?.fingerprint, 77);
  });

  it('slows down when a gateway breaks continuity again and again', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 1));
    for (let rounds = 0; rounds < 10; rounds += 1) {
      scripted.receive(batch('r1', [9, 7]));
      scripted.clock.advance(10);
      scripted.receive({ left: { room: 'r1' } }, joined('r1', 1, 'RESUMED'));
    }
    assert.ok(scripted.transport.link.sentNames.filter((name) => name === 'join').length <= 3);
  });

  it('takes the cursor of a gap, and goes on', async () => {
    const subscription = scripted.client.join('r1', { from: { cursor: bookmark(3n) } });
    const reader = new Reader(subscription);
    scripted.welcome();
    assert.equal(joinCursor(scripted), '3');
    scripted.receive(joined('r1', 3, 'GAP'), gap('r1', 3, 10), batch('r1', [10, 8], [11, 10]));
    assert.deepEqual((await reader.take(4)).map(brief), [
      'joined 3 GAP',
      'gap 3..10',
      'message 10',
      'message 11',
    ]);
    assert.equal(scripted.client.counters.continuityViolations, 0);
  });

  it('keeps the old cursor when it is dropped between Joined and the gap it announces', () => {
    scripted.client.join('r1', { from: { cursor: bookmark(3n) } });
    scripted.welcome();
    scripted.receive({ joined: { room: 'r1', cursor: cursorAt(9), head: 20, outcome: 'OUTCOME_GAP' } });
    reconnect(scripted);
    assert.equal(joinCursor(scripted), '3');
  });

  it('stops at a gap when told to, without moving the cursor', async () => {
    const subscription = scripted.client.join('r1', { from: { cursor: bookmark(3n) }, onGap: 'stop' });
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 3, 'GAP'), gap('r1', 3, 10), batch('r1', [10, 8]));
    await reader.take(2);
    assert.equal((await reader.next()).done, true);
    assert.deepEqual(subscription.cursor, bookmark(3n));
    assert.equal(scripted.transport.link.sentNames.at(-1), 'leave');
  });

  it('takes the cursor of a reset, even backwards and of another epoch', async () => {
    const reader = new Reader(scripted.client.join('r1', { from: { cursor: bookmark(30n) } }));
    scripted.welcome();
    scripted.receive(joined('r1', 30, 'RESET'), {
      reset: { room: 'r1', cause: 'CAUSE_RECREATED', cursor: cursorAt(0, 0, 'LIVE@2') },
    });
    scripted.receive(batch('r1', [1, 0]));
    assert.deepEqual((await reader.take(3)).map(brief), [
      'joined 30 RESET',
      'reset RECREATED 0',
      'message 1',
    ]);
    reconnect(scripted);
    assert.deepEqual(scripted.transport.link.sent[1]?.join?.cursor, {
      epoch: 'LIVE@2',
      seq: '1',
      fingerprint: 1,
    });
  });

  it('moves on with CaughtUp, but never back and not to another epoch', () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(
      joined('r1', 5),
      { caughtUp: { room: 'r1', cursor: cursorAt(8, 0) } },
      caughtUp('r1', 6),
    );
    scripted.receive({ caughtUp: { room: 'r1', cursor: cursorAt(99, 0, 'LIVE@2') } });
    reconnect(scripted);
    assert.equal(joinCursor(scripted), '8');
  });

  it('never lets an ephemeral message touch the cursor', async () => {
    const subscription = scripted.client.join('r1');
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 5), {
      batch: { room: 'r1', ephemeral: [{ type: 'like' }, { type: 'comment' }], ephemeralDropped: 4 },
    });
    assert.deepEqual((await reader.take(4)).map(brief).slice(1), [
      'ephemeral like',
      'ephemeral comment',
      'dropped 4',
    ]);
    subscription.commit();
    assert.equal(subscription.cursor?.seq, 5n);
    assert.equal(scripted.client.counters.ephemeralDropped, 4);
  });

  it('tells how many viewers the room has, each number once, by whatever it comes', async () => {
    const subscription = scripted.client.join('r1');
    const reader = new Reader(subscription);
    scripted.welcome();
    scripted.receive(joined('r1', 5), caughtUp('r1', 5), { batch: { room: 'r1', audience: 3 } });
    scripted.receive({ heartbeat: { rooms: [{ room: 'r1', head: 5, audience: 3 }] } });
    scripted.receive(batch('r1', [6, 5]), { heartbeat: { rooms: [{ room: 'r1', head: 6, audience: 4 }] } });
    scripted.receive({ batch: { room: 'r1', audience: 0 } });
    assert.deepEqual((await reader.take(6)).map(brief).slice(2), [
      'audience 3',
      'message 6',
      'audience 4',
      'audience 0',
    ]);
    assert.equal(subscription.audience, 0);
    assert.equal(subscription.cursor?.seq, 6n);
  });

  describe('what waits for the application', () => {
    const windowBytes = 1_000;
    beforeEach(() => {
      scripted = new ScriptedClient({ roomWindowBytes: windowBytes });
    });
    const likes = { batch: { room: 'r1', ephemeral: [{ type: 'like', payload: Buffer.alloc(600) }] } };
    const bytes = encodeServerFrame(likes).length;
    const credits = (): unknown[] =>
      scripted.transport.link.sent.flatMap(({ credit }) => (credit ? [Number(credit.bytes)] : []));
    const initialCredit = (): number =>
      Number(scripted.transport.link.sent.find(({ join }) => join)?.join?.creditBytes);

    it('is granted anew when it is taken', async () => {
      const reader = new Reader(scripted.client.join('r1'));
      scripted.welcome();
      assert.equal(initialCredit(), windowBytes);
      scripted.receive(joined('r1', 1), likes, likes);
      assert.deepEqual(credits(), []);
      await reader.take(2);
      assert.deepEqual(credits(), [bytes]);
      await reader.take(1);
      assert.deepEqual(credits(), [bytes, bytes]);
    });

    it('is less than is granted by a join after a reconnect', async () => {
      const reader = new Reader(scripted.client.join('r1'));
      scripted.welcome();
      scripted.receive(joined('r1', 1), likes);
      await reader.take(1);
      scripted.transport.link.end();
      scripted.waitOutBackoff();
      assert.equal(initialCredit(), windowBytes - bytes);
      scripted.welcome();
      scripted.receive(joined('r1', 1), likes);
      await reader.take(3);
      assert.deepEqual(credits(), [bytes, bytes]);
    });

    it('is granted at once if it is nothing new', () => {
      scripted.client.join('r1');
      scripted.welcome();
      const known = batch('r1', [1, 0], [1, 0]);
      scripted.receive(joined('r1', 1));
      for (let n = 0; n < 50; n += 1) scripted.receive(known);
      const granted = credits().reduce<number>((sum, granted) => sum + Number(granted), 0);
      assert.ok(granted >= windowBytes);
    });

    it('is told when it is never taken, once, and never holds up the connection', async () => {
      const stalled: string[] = [];
      scripted.client.on('stalled', (room) => stalled.push(room));
      const reader = new Reader(scripted.client.join('r1'));
      scripted.welcome();
      scripted.receive(joined('r1', 1), likes, likes);
      const pass = (seconds: number): void => {
        for (let n = 0; n < seconds; n += 1) {
          scripted.clock.advance(1_000);
          scripted.receive({ heartbeat: {} });
        }
      };
      pass(4);
      assert.deepEqual(stalled, []);
      pass(10);
      assert.deepEqual(stalled, ['r1']);
      await reader.take(3);
      pass(10);
      assert.deepEqual(stalled, ['r1']);
      assert.equal(scripted.client.counters.connects, 1);
    });
  });

  it('tries again when the gateway cannot serve the room for now', async () => {
    const reader = new Reader(scripted.client.join('r1'));
    scripted.welcome();
    scripted.receive({ roomError: { room: 'r1', refusal: refusal('UPSTREAM_UNAVAILABLE', 'away') } });
    scripted.clock.advance(249);
    assert.deepEqual(scripted.transport.link.sentNames, ['hello', 'join'], 'not before the gateway wants it');
    scripted.clock.advance(1);
    assert.deepEqual(scripted.transport.link.sentNames, ['hello', 'join', 'join']);
    assert.deepEqual((await reader.take(1)).map(brief), ['retrying UPSTREAM_UNAVAILABLE']);
  });

  it('throws a refusal that trying again cannot mend, and leaves the other rooms alone', async () => {
    const refused = new Reader(scripted.client.join('r1'));
    const served = new Reader(scripted.client.join('r2'));
    scripted.welcome();
    scripted.receive({ roomError: { room: 'r1', refusal: refusal('TOO_MANY_ROOMS', 'no') } });
    scripted.receive(joined('r2', 1));
    await assert.rejects(refused.next(), { reason: 'TOO_MANY_ROOMS', code: 8 });
    assert.deepEqual((await served.take(1)).map(brief), ['joined 1 STARTED']);
  });

  it('can join again at once after leaving, and does not mix up the two', async () => {
    const before = scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 1));
    before.leave();
    const reader = new Reader(scripted.client.join('r1'));
    assert.deepEqual(scripted.transport.link.sentNames.slice(-2), ['leave', 'join']);
    scripted.receive(batch('r1', [2, 1]), { left: { room: 'r1' } }, joined('r1', 2), batch('r1', [3, 2]));
    assert.deepEqual((await reader.take(2)).map(brief), ['joined 2 STARTED', 'message 3']);
  });

  it('refuses a second join of a room and a wrong name', () => {
    scripted.client.join('r1');
    assert.throws(() => scripted.client.join('r1'), { reason: 'ALREADY_JOINED' });
    assert.throws(() => scripted.client.join('no dots.'), { reason: 'ROOM_NAME_INVALID' });
  });

  it('leaves when the application breaks out of its loop, without counting the last event as handled', async () => {
    const subscription = scripted.client.join('r1');
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1]));
    for await (const event of subscription) if (event.kind === 'message') break;
    assert.equal(scripted.transport.link.sentNames.at(-1), 'leave');
    assert.equal(subscription.cursor?.seq, 1n);
  });

  it('goes on where the store says, and saves what was handled', async () => {
    const cursorStore = new MemoryCursorStore();
    cursorStore.save('me', 'r1', bookmark(7n));
    scripted = new ScriptedClient({ cursorStore });
    const reader = new Reader(scripted.client.join('r1', { from: 'earliest', cursorName: 'me' }));
    scripted.client.join('r2', { from: 'earliest', cursorName: 'me' });
    assert.deepEqual(scripted.transport.link.sentNames, ['hello'], 'it is not known yet which cluster it is');
    scripted.welcome();
    assert.equal(scripted.transport.link.sent[1]?.join?.cursor?.seq, '7');
    assert.equal(scripted.transport.link.sent[2]?.join?.start?.at, 'earliest');
    scripted.receive(joined('r1', 7, 'RESUMED'), batch('r1', [8, 7]));
    await reader.take(2);
    assert.equal(cursorStore.load('me', 'r1')?.seq, 7n);
    void reader.next();
    assert.equal(cursorStore.load('me', 'r1')?.seq, 8n);
  });

  it('asks the store once, for the cluster that welcomes it, and saves behind which gateways it was', async () => {
    const asked: unknown[] = [];
    const saved: unknown[] = [];
    const cursorStore = {
      load: (...question: unknown[]) => void asked.push(question),
      save: (...kept: unknown[]) => void saved.push(kept),
      flush: () => Promise.resolve(),
    };
    scripted = new ScriptedClient({ cursorStore });
    const servers = ['a:1', 'b:2'];
    const reader = new Reader(scripted.client.join('r1', { cursorName: 'me' }));
    const left = scripted.client.join('r2', { cursorName: 'me' });
    scripted.transport.link.end();
    left.leave();
    scripted.waitOutBackoff();
    assert.deepEqual(asked, []);
    scripted.welcome(2, EPOCH);
    scripted.receive(joined('r1', 1), caughtUp('r1', 1));
    await reader.take(2);
    assert.deepEqual(saved, [['me', 'r1', bookmark(1n), servers]]);
    scripted.transport.link.end();
    scripted.waitOutBackoff();
    scripted.welcome(2, 'LIVE@2');
    assert.deepEqual(asked, [['me', 'r1', { epoch: EPOCH, servers }]]);
    assert.equal(joinCursor(scripted), '1', 'whatever the stream is now, it is told where the viewer stands');
    scripted.client.join('r3', { cursorName: 'me' });
    assert.deepEqual(asked[1], ['me', 'r3', { epoch: 'LIVE@2', servers }]);
  });

  it('leaves the room when the store fails, and says so', async () => {
    const cursorStore = {
      load: () => undefined,
      save: () => {
        throw new Error('disk full');
      },
      flush: () => Promise.resolve(),
    };
    scripted = new ScriptedClient({ cursorStore });
    const reader = new Reader(scripted.client.join('r1', { cursorName: 'me' }));
    scripted.welcome();
    scripted.receive(joined('r1', 1));
    await reader.take(1);
    await assert.rejects(reader.next(), { message: 'the cursor store failed: disk full' });
    assert.equal(scripted.transport.link.sentNames.at(-1), 'leave');
  });

  it('waits for a store that takes its time before it joins', async () => {
    let found: (cursor: Cursor) => void = () => undefined;
    const cursorStore = {
      load: () => new Promise<Cursor>((resolve) => (found = resolve)),
      save: () => undefined,
      flush: () => Promise.resolve(),
    };
    scripted = new ScriptedClient({ cursorStore });
    scripted.client.join('r1', { cursorName: 'me' });
    scripted.welcome();
    assert.deepEqual(scripted.transport.link.sentNames, ['hello']);
    found(bookmark(7n));
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(joinCursor(scripted), '7');
  });

  it('acknowledges what was handled, now and then', async () => {
    const reader = new Reader(scripted.client.join('r1'));
    scripted.welcome();
    scripted.receive(joined('r1', 1), batch('r1', [2, 1], [3, 2]));
    await reader.take(3);
    for (let beats = 0; beats < 10; beats += 1) {
      scripted.clock.advance(1_000);
      scripted.receive({ heartbeat: {} });
    }
    const acks = scripted.transport.link.sent.flatMap(({ ack }) => (ack ? [ack.seq] : []));
    assert.deepEqual(acks, ['2']);
  });

  it('has one reader: another one is told so, and disturbs nothing', async () => {
    const scripted = new ScriptedClient();
    const subscription = scripted.client.join('r1');
    const first = subscription[Symbol.asyncIterator]();
    const told = { name: 'LiveError', codeName: 'FAILED_PRECONDITION' };
    assert.throws(() => subscription[Symbol.asyncIterator](), { ...told, message: /leave and join again/ });
    const next = first.next();
    await assert.rejects(first.next(), { ...told, message: /await one next\(\)/ });
    scripted.welcome();
    scripted.receive(joined('r1', 0));
    assert.equal((await next).value?.kind, 'joined');
    await scripted.client.close();
  });
});
