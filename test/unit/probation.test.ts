import assert from 'node:assert/strict';
import { Probation } from '../../server/transport/connections/probation.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('Isolated: addresses on probation', () => {
  let clock: ManualClock;
  let probation: Probation;
  let served: string[];

  beforeEach(() => {
    clock = new ManualClock();
    probation = new Probation(clock, 10);
    served = [];
  });

  const come = (address: string, name = address): boolean =>
    probation.admit(address, () => served.push(name));

  it('are served at once as long as nobody there has broken the rules', () => {
    for (let n = 0; n < 1_000; n++) come('192.0.2.1');
    assert.equal(served.length, 1_000);
  });

  it('are served one connection after the other, and no other address waits', () => {
    probation.suspect('192.0.2.1');
    for (const name of ['1', '2', '3']) come('192.0.2.1', name);
    come('192.0.2.2');
    assert.deepEqual(served, ['1', '192.0.2.2']);
    clock.advance(99);
    assert.equal(served.length, 2);
    clock.advance(1);
    assert.deepEqual(served.slice(2), ['2']);
    clock.advance(100);
    assert.deepEqual(served.slice(2), ['2', '3']);
    come('192.0.2.1', '4');
    assert.equal(served.length, 4, 'it is not served the sooner for coming when nobody waits');
    clock.advance(100);
    assert.deepEqual(served.slice(4), ['4']);
  });

  it('are served by another rate, once it is set, where they break the rules from then on', () => {
    probation.limit(1);
    probation.suspect('192.0.2.1');
    for (const name of ['1', '2']) come('192.0.2.1', name);
    clock.advance(999);
    assert.deepEqual(served, ['1']);
    clock.advance(1);
    assert.deepEqual(served, ['1', '2']);
  });

  it('are served the more seldom the more of them break the rules, one in two seconds at least', () => {
    for (let n = 0; n < 3; n++) probation.suspect('192.0.2.1');
    for (const name of ['1', '2', '3']) come('192.0.2.1', name);
    clock.advance(399);
    assert.deepEqual(served, ['1']);
    clock.advance(1);
    assert.deepEqual(served, ['1', '2']);
    for (let n = 0; n < 100; n++) probation.suspect('192.0.2.1');
    come('192.0.2.1', '4');
    clock.advance(400);
    assert.deepEqual(served, ['1', '2', '3']);
    clock.advance(1_999);
    assert.equal(served.length, 3);
    clock.advance(1);
    assert.deepEqual(served, ['1', '2', '3', '4']);
    assert.deepEqual(
      ['5', '6', '7', '8'].map((name) => come('192.0.2.1', name)),
      [true, true, true, false],
    );
  });

  it('are refused connections that would wait for more than five seconds', () => {
    probation.suspect('192.0.2.1');
    const admitted = Array.from({ length: 60 }, () => come('192.0.2.1')).filter(Boolean);
    assert.equal(admitted.length, 51);
    clock.advance(5_000);
    assert.equal(served.length, 51);
  });

  it('are trusted again ten seconds after the last time, with all that wait', () => {
    probation.suspect('192.0.2.1');
    clock.advance(9_000);
    probation.suspect('192.0.2.1');
    clock.advance(9_900);
    for (let n = 0; n < 5; n++) come('192.0.2.1');
    assert.equal(served.length, 1);
    clock.advance(100);
    assert.equal(served.length, 5);
    for (let n = 0; n < 5; n++) come('192.0.2.1');
    assert.equal(served.length, 10);
  });
});
