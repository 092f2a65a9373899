import assert from 'node:assert/strict';
import type { Surroundings } from '../../client/browser/page-returns.ts';
import { onReturn } from '../../client/browser/page-returns.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

/** Of which either clock can be stopped, or set, while the other goes on. */
class TwoClocks extends ManualClock {
  wallOffMs = 0;
  monotonicOffMs = 0;
  override wallMs = (): number => super.wallMs() + this.wallOffMs;
  override monotonicMs = (): number => super.monotonicMs() + this.monotonicOffMs;
}

describe('a page that returns', () => {
  let clock: TwoClocks;
  let page: EventTarget & { visibilityState: string };
  let network: EventTarget;
  let window: EventTarget & Surroundings;
  let returns: number;
  let end: () => void;

  beforeEach(() => {
    clock = new TwoClocks();
    page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    network = new EventTarget();
    window = Object.assign(new EventTarget(), { document: page, navigator: { connection: network } });
    returns = 0;
    end = onReturn(() => (returns += 1), window, clock);
  });

  function look(visibilityState: string): void {
    page.visibilityState = visibilityState;
    page.dispatchEvent(new Event('visibilitychange'));
  }

  it('is told of by the network, by the browser that thawed it, and by who looks at it', () => {
    window.dispatchEvent(new Event('online'));
    window.dispatchEvent(new Event('offline'));
    network.dispatchEvent(new Event('change'));
    page.dispatchEvent(new Event('resume'));
    assert.equal(returns, 4);
    look('hidden');
    assert.equal(returns, 4);
    look('visible');
    assert.equal(returns, 5);
  });

  it('is told of by timers that are late, each time once', () => {
    clock.advance(10_000);
    clock.sleepThrough(6_000);
    assert.equal(returns, 0, 'no later than timers may be');
    for (const times of [1, 2]) {
      clock.sleepThrough(6_001);
      clock.advance(10_000);
      assert.equal(returns, times);
    }
  });

  it('is told of, too, where one of both clocks stood still, or was set back', () => {
    clock.wallOffMs = -100_000;
    clock.sleepThrough(6_001);
    assert.equal(returns, 1);
    clock.monotonicOffMs = -6_001;
    clock.sleepThrough(6_001);
    assert.equal(returns, 2);
  });

  it('is not told of by late timers while it is hidden: they always are', () => {
    look('hidden');
    clock.sleepThrough(60_000);
    assert.equal(returns, 0);
  });

  it('is told of in a worker, which has no document, and asked of nothing that is not there', () => {
    const worker = new EventTarget() as EventTarget & Surroundings;
    onReturn(() => (returns += 1), worker, clock);
    worker.dispatchEvent(new Event('online'));
    assert.equal(returns, 1);
    const elsewhere = new ManualClock();
    onReturn(() => (returns += 1), {}, elsewhere);
    elsewhere.sleepThrough(6_001);
    assert.equal(returns, 2);
  });

  it('is told of no more when that was ended', () => {
    end();
    for (const [target, name] of [
      [window, 'online'],
      [window, 'offline'],
      [network, 'change'],
      [page, 'resume'],
      [page, 'visibilitychange'],
    ] as const)
      target.dispatchEvent(new Event(name));
    assert.deepEqual([returns, clock.pending], [0, 0]);
  });
});
