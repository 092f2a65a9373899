import assert from 'node:assert/strict';
import { Patience } from '../../server/session/pull-patience.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const SECONDS = 1_000;

describe('patience of a pull', () => {
  let clock: ManualClock;
  let life: { received: number; answers: boolean };
  let signs: number;
  let patience: Patience;

  beforeEach(() => {
    clock = new ManualClock();
    life = { received: 0, answers: true };
    signs = 0;
    patience = new Patience(clock, life, () => signs++);
  });

  afterEach(() => {
    patience.stop();
    assert.equal(clock.pending, 0, 'timers left behind');
  });

  /** Lets so many seconds pass, in each of which NATS sends something or not. */
  function pass(seconds: number, nats: 'sends' | 'is silent'): void {
    for (let n = 0; n < seconds; n++) {
      if (nats === 'sends') life.received += 1_000;
      clock.advance(SECONDS);
    }
  }

  it('ends when NATS sends nothing', () => {
    pass(7, 'is silent');
    assert.ok(patience.leftMs > 0);
    pass(1, 'is silent');
    assert.equal(patience.leftMs, 0);
    assert.equal(signs, 0);
  });

  it('lasts while NATS sends something, and whoever waits is told', () => {
    pass(100, 'sends');
    assert.ok(patience.leftMs > 0);
    assert.ok(signs >= 20, `${signs} signs`);
    pass(8, 'is silent');
    assert.equal(patience.leftMs, 0);
  });

  it('ends when the stream cannot be asked, whatever else NATS sends', () => {
    life.answers = false;
    pass(8, 'sends');
    assert.equal(patience.leftMs, 0);
  });

  it('ends when what NATS sends is for others only: nothing of it has come for minutes', () => {
    pass(299, 'sends');
    assert.ok(patience.leftMs > 0);
    pass(1, 'sends');
    assert.equal(patience.leftMs, 0);
    patience.progressed();
    assert.equal(patience.leftMs, 8_000, 'something came after all');
  });
});
