import assert from 'node:assert/strict';
import { backoffDelay } from '../../common/backoff.ts';
import { seededRandom } from '../../common/random.ts';

describe('backoff', () => {
  const limits = { baseMs: 100, maxMs: 5_000 };

  it('is uniform below a ceiling that doubles up to the limit', () => {
    const ceilings = [0, 1, 2, 6, 60, 5_000].map((attempt) => backoffDelay(attempt, limits, () => 1));
    assert.deepEqual(ceilings, [100, 200, 400, 5_000, 5_000, 5_000]);
    assert.equal(
      backoffDelay(9, limits, () => 0),
      0,
    );
  });

  it('spreads a crowd over the whole of it', () => {
    const random = seededRandom(7);
    const delays = Array.from({ length: 1_000 }, () => backoffDelay(6, limits, random));
    for (let slot = 0; slot < 10; slot += 1) {
      const within = delays.filter((ms) => ms >= slot * 500 && ms < (slot + 1) * 500);
      assert.ok(within.length > 60, `slot ${slot} has ${within.length}`);
    }
  });
});
