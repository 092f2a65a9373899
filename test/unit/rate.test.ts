import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Rate } from '../../common/rate.ts';
import { runs } from '../helpers/property.ts';

describe('a rate', () => {
  const moments = fc.double({ min: 0, max: 1e9, noNaN: true });
  const perSecond = fc.double({ min: 0.001, max: 10_000, noNaN: true });

  it('gives all that is saved up at once, whenever that is, and then one as soon as it says', () => {
    fc.assert(
      fc.property(moments, perSecond, fc.integer({ min: 1, max: 20 }), (nowMs, perSecond, burst) => {
        const rate = new Rate(perSecond, burst);
        let fullAtMs = -Infinity;
        for (let n = 0; n < burst; n++) {
          const next = rate.spend(fullAtMs, nowMs);
          assert.ok(next !== undefined, `number ${n + 1}`);
          fullAtMs = next;
        }
        assert.equal(rate.spend(fullAtMs, nowMs), undefined);
        const waitMs = rate.waitMs(fullAtMs, nowMs);
        assert.ok(waitMs > 0);
        assert.notEqual(rate.spend(fullAtMs, nowMs + waitMs), undefined);
      }),
      runs(1_000),
    );
  });

  it('without a bound always has one', () => {
    const rate = new Rate(Infinity, 1);
    assert.equal(rate.spend(-Infinity, 7), 7);
    assert.equal(rate.spend(7, 7), 7);
  });
});
