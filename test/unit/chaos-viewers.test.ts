import assert from 'node:assert/strict';
import { FaultSchedule } from '../../chaos/run/viewers/fault-schedule.ts';
import { SuspendableClock } from '../../chaos/run/viewers/suspendable-clock.ts';
import { ViewerLog } from '../../chaos/run/viewers/viewer-log.ts';
import type { AppliedFault } from '../../chaos/record/recording.ts';
import type { Cursor, Message, RoomEvent } from '../../client/index.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('a clock that can be suspended', () => {
  let clock: ManualClock;
  let suspendable: SuspendableClock;
  let fired: string[];

  beforeEach(() => {
    clock = new ManualClock();
    suspendable = new SuspendableClock(clock);
    fired = [];
  });

  it('holds timers that fall due, and fires them on resuming', () => {
    suspendable.after(100, () => fired.push('once'));
    suspendable.every(40, () => fired.push('again'));
    suspendable.suspend();
    clock.advance(130);
    assert.deepEqual(fired, []);
    suspendable.resume();
    assert.deepEqual(fired, ['again', 'once']);
    clock.advance(40);
    assert.deepEqual(fired, ['again', 'once', 'again']);
  });

  it('does not fire what was cancelled meanwhile', () => {
    const timer = suspendable.after(100, () => fired.push('once'));
    suspendable.suspend();
    clock.advance(130);
    timer.cancel();
    suspendable.resume();
    assert.deepEqual(fired, []);
  });

  it('lets time itself go on', () => {
    suspendable.suspend();
    clock.advance(130);
    assert.equal(suspendable.monotonicMs(), 130);
    assert.equal(suspendable.wallMs(), clock.wallMs());
  });
});

describe('the schedule of faults on viewers', () => {
  let clock: ManualClock;
  let log: string[];
  let applied: AppliedFault[];
  let schedule: FaultSchedule;

  beforeEach(() => {
    clock = new ManualClock();
    log = [];
    applied = [];
    const faults = [
      { fault: 0, name: 'stall', viewer: 'v1', atMs: 100, forMs: 50 },
      { fault: 1, name: 'rst', viewer: 'v2', atMs: 120, forMs: 0 },
      { fault: 2, name: 'latency', viewer: 'v2', atMs: 300, forMs: 100 },
    ];
    schedule = new FaultSchedule(
      clock,
      clock.wallMs(),
      faults,
      ({ name }) => {
        log.push(`${name} begins`);
        return () => log.push(`${name} ends`);
      },
      (fault) => applied.push(fault),
    );
  });

  it('applies and lifts each when it is due', () => {
    clock.advance(130);
    assert.deepEqual(log, ['stall begins', 'rst begins', 'rst ends']);
    assert.deepEqual(schedule.census, { stall: 1 });
    clock.advance(1_000);
    assert.deepEqual(log.slice(3), ['stall ends', 'latency begins', 'latency ends']);
    assert.deepEqual(applied, [
      { fault: 1, fromMs: 120, toMs: 120 },
      { fault: 0, fromMs: 100, toMs: 150 },
      { fault: 2, fromMs: 300, toMs: 400 },
    ]);
  });

  it('heals what stands and applies no more', () => {
    clock.advance(110);
    schedule.heal();
    assert.deepEqual(log, ['stall begins', 'stall ends']);
    assert.deepEqual(applied, [{ fault: 0, fromMs: 100, toMs: 110 }]);
    assert.equal(clock.pending, 0);
  });
});

describe('the log of a viewer', () => {
  const room = 'demo';
  const cursorAt = (seq: number): Cursor => ({ epoch: 'a', seq: BigInt(seq), fingerprint: 0 });
  const joined: RoomEvent = { kind: 'joined', room, cursor: cursorAt(4), head: 4n, outcome: 'STARTED' };
  const message = (seq: number, prevSeq: number): RoomEvent => {
    const rest = {
      fingerprint: 0,
      id: `${seq}`,
      type: 'gift',
      sender: '',
      timeMs: 0,
      payload: Buffer.alloc(0),
      headers: {},
    };
    const content: Message = { seq: BigInt(seq), prevSeq: BigInt(prevSeq), ...rest };
    return { kind: 'message', room, message: content, cursor: cursorAt(seq) };
  };

  it('knows where the viewer stands', () => {
    const log = new ViewerLog(new ManualClock(), [room]);
    assert.ok(!log.isAt(room, { epochs: ['a'], seq: 4 }));
    log.record(joined);
    assert.ok(!log.isAt(room, { epochs: ['a'], seq: 4 }));
    log.record({ kind: 'caught-up', room, cursor: cursorAt(4) });
    assert.ok(log.caughtUp);
    assert.ok(log.isAt(room, { epochs: ['a'], seq: 4 }));
    assert.ok(!log.isAt(room, { epochs: ['a'], seq: 5 }) && !log.isAt(room, { epochs: ['b'], seq: 4 }));
    log.record(message(6, 4));
    assert.ok(log.isAt(room, { epochs: ['a'], seq: 6 }));
    assert.ok(log.isAt(room, { epochs: ['b', 'a'], seq: 6 }), 'the stream has had other names');
  });

  it('counts messages whose predecessor never came', () => {
    const log = new ViewerLog(new ManualClock(), [room]);
    for (const event of [joined, message(6, 4), message(9, 8)]) log.record(event);
    assert.deepEqual([log.delivered, log.holes], [2, 1]);
  });

  it('tells times of the run’s clock, from its beginning', () => {
    const clock = new ManualClock();
    const log = new ViewerLog(clock, [room]);
    log.state('connecting');
    clock.advance(500);
    const originMs = clock.wallMs();
    clock.advance(20);
    log.end(room, undefined);
    assert.deepEqual(log.take(originMs), [
      { kind: 'state', atMs: 0, state: 'connecting' },
      { kind: 'end', room, atMs: 20, cursor: undefined },
    ]);
    assert.deepEqual(log.take(originMs), []);
  });
});
