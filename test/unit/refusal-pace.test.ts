import assert from 'node:assert/strict';
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
  const refuse = (count: number, address = '192.0.2.1'): void => {
    for (let n = 0; n < count; n++) pace.answer(address, () => answered++);
  };

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

  it('that wait are forgotten with the gateway', () => {
    paced(1);
    refuse(10);
    pace.close();
    clock.advance(10_000);
    assert.equal(answered, 5);
  });
});
