import assert from 'node:assert/strict';
import { encodeServerFrame } from '../../protos/live.ts';
import { Writer } from '../../server/session/writer.ts';
import type { SchedulerListener } from '../../server/session/scheduler.ts';
import { Scheduler } from '../../server/session/scheduler.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** A scheduler whose slices run when the test says so. */
class HandScheduled {
  readonly clock = new ManualClock();
  readonly slices: (() => void)[] = [];
  readonly scheduler: Scheduler;

  constructor(listener?: SchedulerListener) {
    this.scheduler = new Scheduler(
      () => this.clock.monotonicMs(),
      (fn) => this.slices.push(fn),
      listener,
    );
  }

  runAll(): void {
    for (let slice = this.slices.shift(); slice !== undefined; slice = this.slices.shift()) slice();
  }
}

/** An writer over a transport that is done with a frame when the test says so. */
function handWritten(hand: HandScheduled): { writer: Writer; written: string[]; finish: () => void } {
  const written: string[] = [];
  let inFlight = false;
  const writer = new Writer(
    {
      write(frames) {
        assert.ok(!inFlight, 'two writes in flight');
        written.push(frames.map(String).join('+'));
        inFlight = true;
      },
      failed: assert.ifError,
      frameOf: () => assert.fail('no room is attached'),
    },
    hand.scheduler,
    hand.clock,
  );
  const finish = (): void => {
    inFlight = false;
    writer.written();
  };
  return { writer, written, finish };
}

const pong = encodeServerFrame({ pong: { nonce: '1' } });

describe('Isolated: writer', () => {
  it('has one write in flight, and says since when', () => {
    const hand = new HandScheduled();
    const { writer, written, finish } = handWritten(hand);
    writer.send(Buffer.from('a'));
    hand.clock.advance(5);
    hand.runAll();
    writer.send(Buffer.from('b'));
    hand.runAll();
    assert.equal(writer.backlog, 1);
    assert.deepEqual(written, ['a']);
    assert.equal(writer.blockedSinceMs, 5);
    assert.equal(writer.lastWriteMs, 5);
    hand.clock.advance(4);
    finish();
    assert.equal(writer.blockedSinceMs, undefined);
    hand.runAll();
    assert.deepEqual(written, ['a', 'b']);
    assert.equal(writer.blockedSinceMs, 9);
    hand.clock.advance(3);
    writer.progressed();
    assert.equal(writer.blockedSinceMs, 12, 'a part of it was taken');
    finish();
    writer.progressed();
    hand.runAll();
    assert.equal(writer.blockedSinceMs, undefined);
  });

  it('writes frames that wait together, up to 32 KiB and one more', () => {
    const hand = new HandScheduled();
    const { writer, written, finish } = handWritten(hand);
    const half = 'x'.repeat(16 * 1024);
    for (const text of ['a', 'b', half, half, 'c', 'd']) writer.send(Buffer.from(text));
    hand.runAll();
    assert.deepEqual(written, [`a+b+${half}+${half}`]);
    assert.equal(writer.backlog, 2);
    finish();
    hand.runAll();
    assert.deepEqual(written.slice(1), ['c+d']);
  });

  it('makes a frame that was asked for when it is written, not before', () => {
    const hand = new HandScheduled();
    const { writer, written, finish } = handWritten(hand);
    let results = '';
    writer.send(Buffer.from('a'));
    hand.runAll();
    writer.send(() => Buffer.from(results));
    results = 'all that came meanwhile';
    finish();
    hand.runAll();
    assert.deepEqual(written, ['a', 'all that came meanwhile']);
  });

  it('writes nothing after it was closed, and takes a late word from the transport calmly', () => {
    const hand = new HandScheduled();
    const { writer, written, finish } = handWritten(hand);
    writer.send(Buffer.from('a'));
    hand.runAll();
    writer.send(Buffer.from('b'));
    writer.close();
    finish();
    writer.send(Buffer.from('c'));
    hand.runAll();
    assert.deepEqual(written, ['a']);
  });

  it('sends nothing more of a room that was left while its turn had yet to come', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const client = new ModelClient(gateway);
    await client.join('r');
    await settle();
    client.block();
    stream.publish('r', 'in flight');
    await settle();
    stream.publish('r', 'waiting');
    client.told.length = 0;
    client.leave('r');
    client.unblock();
    await settle();
    assert.deepEqual(client.told, []);
    client.disconnect();
    gateway.close();
  });

  it('sends what is urgent before what rooms have', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const client = new ModelClient(gateway);
    await client.join('r');
    await settle();
    client.block();
    stream.publish('r', 'in flight');
    await settle();
    stream.publish('r', 'waiting');
    client.frameRooms.length = 0;
    client.send(pong);
    client.send(pong);
    client.unblock();
    await settle();
    assert.deepEqual(client.frameRooms, ['', '', 'r']);
    client.disconnect();
    gateway.close();
  });

  it('lets rooms take turns', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const client = new ModelClient(gateway);
    for (const room of ['a', 'b', 'c']) await client.join(room);
    await settle();
    client.block();
    stream.publish('a', 'in flight');
    await settle();
    const big = 'x'.repeat(40_000);
    for (let n = 0; n < 3; n++) for (const room of ['a', 'b', 'c']) stream.publish(room, big);
    client.frameRooms.length = 0;
    client.unblock();
    await settle();
    assert.equal(client.frameRooms.length, 9);
    for (let turn = 0; turn < 3; turn++) {
      const round = client.frameRooms.slice(turn * 3, turn * 3 + 3);
      assert.deepEqual(round.toSorted(), ['a', 'b', 'c']);
    }
    client.disconnect();
    gateway.close();
  });

  it('keeps frames small, and lets batches grow while the transport is busy', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const client = new ModelClient(gateway);
    await client.join('r');
    await settle();
    client.block();
    stream.publish('r', 'in flight');
    await settle();
    for (let n = 0; n < 200; n++) stream.publish('r', 'y'.repeat(1_000));
    client.frames = 0;
    client.bytes = 0;
    client.unblock();
    await settle();
    assert.equal(client.told.filter((line) => line.startsWith('message')).length, 201);
    assert.equal(client.frames, 4);
    assert.ok(client.bytes < 4 * 65 * 1024);
    client.disconnect();
    gateway.close();
  });

  it('a stuck stream costs its neighbours nothing', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const stuck = new ModelClient(gateway, 'stuck');
    const neighbour = new ModelClient(gateway, 'neighbour');
    for (const client of [stuck, neighbour]) await client.join('r');
    stuck.block();
    for (let n = 0; n < 50; n++) {
      stream.publish('r', 'm');
      await settle();
    }
    assert.equal(neighbour.told.filter((line) => line.startsWith('message')).length, 50);
    for (const client of [stuck, neighbour]) client.disconnect();
    gateway.close();
  });

  it('one viewer whose frame cannot be made is cut off alone', async () => {
    const hand = new HandScheduled();
    const broken: unknown[] = [];
    const writer = new Writer(
      {
        write: () => {
          throw new Error('the call is gone');
        },
        failed: (error) => broken.push(error),
        frameOf: () => assert.fail('no room is attached'),
      },
      hand.scheduler,
      hand.clock,
    );
    const { writer: other, written } = handWritten(hand);
    writer.send(pong);
    writer.send(pong);
    other.send(Buffer.from('fine'));
    hand.runAll();
    assert.equal(broken.length, 1);
    assert.deepEqual(written, ['fine']);
  });
});

describe('core: scheduler', () => {
  it('runs tasks in the order they asked, those that ask meanwhile last', () => {
    const hand = new HandScheduled();
    const ran: string[] = [];
    hand.scheduler.enqueue({
      run() {
        ran.push('a');
        hand.scheduler.enqueue({ run: () => ran.push('c') });
      },
    });
    hand.scheduler.enqueue({ run: () => ran.push('b') });
    assert.equal(hand.slices.length, 1);
    hand.runAll();
    assert.deepEqual(ran, ['a', 'b', 'c']);
  });

  it('yields to other events after a millisecond of work', () => {
    const hand = new HandScheduled();
    let ran = 0;
    for (let n = 0; n < 100; n++) {
      hand.scheduler.enqueue({
        run() {
          ran++;
          hand.clock.advance(0.25);
        },
      });
    }
    let slices = 0;
    for (let slice = hand.slices.shift(); slice !== undefined; slice = hand.slices.shift()) {
      const before = ran;
      slice();
      slices++;
      assert.ok(ran - before <= 4);
    }
    assert.equal(ran, 100);
    assert.equal(slices, 25);
  });

  it('tells when it yields, and how long it took until all that waited at the beginning had had a turn', () => {
    const told: (string | number)[] = [];
    const hand = new HandScheduled({ yielded: () => told.push('yielded'), passed: (ms) => told.push(ms) });
    const work = (ms: number, then?: () => void) => ({
      run() {
        hand.clock.advance(ms);
        then?.();
      },
    });
    hand.scheduler.enqueue(work(0.5, () => hand.scheduler.enqueue(work(5))));
    hand.scheduler.enqueue(work(1));
    hand.scheduler.enqueue(work(2));
    hand.runAll();
    assert.deepEqual(told, ['yielded', 'yielded', 3.5, 'yielded', 5]);
  });
});
