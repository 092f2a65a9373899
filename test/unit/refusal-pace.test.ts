import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { RefusalPace } from '../../server/transport/connections/refusal-pace.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('Isolated: refusals', () => {
  let clock: ManualClock;
  let pace: RefusalPace;
  let answered: number;

  const paced = (perSecond: number): void => {
    clock = new ManualClock();
    pace = new RefusalPace(clock, () => 0.5, perSecond);
    answered = 0;
  };
  const refuse = (count: number, address = '192.0.2.1'): EventEmitter[] =>
    Array.from({ length: count }, () => {
      const call = new EventEmitter();
      pace.answer(address, call, () => answered++);
      return call;
    });

  it('are answered at once while they are few, and all others seconds later', () => {
    paced(20);
    refuse(150);
    assert.equal(answered, 100);
    refuse(10, '192.0.2.2');
    assert.equal(answered, 110, 'each address has its own');
    clock.advance(1_000);
    refuse(30);
    assert.equal(answered, 130);
    clock.advance(1_999);
    assert.equal(answered, 130);
    clock.advance(1);
    assert.equal(answered, 131);
    clock.advance(1_000);
    assert.equal(answered, 180);
    clock.advance(1_000);
    assert.equal(answered, 190);
  });

  it('are answered at once again when there were none for a while, and nothing is kept of an address', () => {
    paced(20);
    refuse(100);
    clock.advance(20_000);
    refuse(100);
    assert.equal(answered, 200);
  });

  it('are all answered at once where the rate is unlimited', () => {
    paced(Infinity);
    refuse(10_000);
    assert.equal(answered, 10_000);
  });

  it('are answered the later the more of an address wait, up to four times as late', () => {
    paced(20);
    refuse(100 + 1_000);
    refuse(101, '192.0.2.2');
    clock.advance(3_000);
    assert.equal(answered, 100 + 101 + 1, 'there are not many at other addresses');
    clock.advance(3_000);
    assert.equal(answered, 100 + 101 + 201);
    clock.advance(5_999);
    assert.ok(answered < 100 + 101 + 601, String(answered));
    clock.advance(1);
    assert.equal(answered, 100 + 101 + 1_000);
    assert.equal(pace.crowds, 0);
  });

  it('are not answered where the call is gone, and nothing is kept of it', () => {
    paced(20);
    const calls = refuse(102);
    for (const call of calls.slice(101)) call.emit('close');
    clock.advance(4_000);
    assert.equal(answered, 101);
    for (const call of refuse(200)) call.emit('close');
    assert.equal(pace.crowds, 0);
  });

  it('are answered once where a call is refused again while it waits', () => {
    paced(20);
    refuse(100);
    const call = new EventEmitter();
    const reasons: string[] = [];
    for (const reason of ['too often', 'too late'])
      pace.answer('192.0.2.1', call, () => reasons.push(reason));
    clock.advance(20_000);
    assert.deepEqual(reasons, ['too often']);
    refuse(200);
    for (const reason of ['too often', 'too late'])
      pace.answer('192.0.2.1', call, () => reasons.push(reason));
    call.emit('close');
    clock.advance(20_000);
    assert.deepEqual(reasons, ['too often'], 'it has gone');
  });

  it('that wait are told at once when the gateway goes, and so is everybody from then on', () => {
    paced(20);
    refuse(150);
    pace.release();
    assert.equal(answered, 150);
    refuse(150);
    clock.advance(20_000);
    assert.equal(answered, 300);
  });

  it('that wait are forgotten with the gateway', () => {
    paced(1);
    refuse(10);
    pace.close();
    clock.advance(10_000);
    assert.equal(answered, 5);
  });
});
