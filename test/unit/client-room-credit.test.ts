import assert from 'node:assert/strict';
import { RoomCredit } from '../../client/core/room-credit.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('client room credit', () => {
  let clock: ManualClock;
  let granted: number[];
  let stalls: number;
  let credit: RoomCredit;

  beforeEach(() => {
    clock = new ManualClock();
    granted = [];
    stalls = 0;
    credit = new RoomCredit(clock, 1_000, {
      grant: (bytes) => granted.push(bytes),
      stalled: () => (stalls += 1),
    });
  });

  it('is what the window leaves beside what waits', () => {
    assert.equal(credit.begin(300), 700);
    credit.spend(700);
    credit.take(400);
    assert.deepEqual(granted, []);
    credit.take(100);
    assert.deepEqual(granted, [500]);
  });

  it('is not widened by what waits beyond the window when the room is joined again', () => {
    assert.equal(credit.begin(5_000), 0);
    for (let taken = 0; taken < 5_000; taken += 100) credit.take(100);
    assert.equal(
      granted.reduce((sum, bytes) => sum + bytes, 0),
      1_000,
    );
  });

  it('is told to be used up for long only while the room is joined, and leaves no timer behind', () => {
    credit.begin(0);
    credit.spend(1_000);
    credit.end();
    credit.take(1);
    assert.equal(clock.pending, 0);
    credit.begin(1_000);
    clock.advance(5_000);
    assert.equal(stalls, 1);
    credit.end();
    assert.equal(clock.pending, 0);
  });
});
