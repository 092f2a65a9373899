import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TokenBucket } from '../../common/token-bucket.ts';
import { runs } from '../helpers/property.ts';

/** How many of `wanted` tokens are to be had at once. */
function takeMany(bucket: TokenBucket, wanted: number, nowMs: number): number {
  return Array.from({ length: wanted }).filter(() => bucket.take(nowMs)).length;
}

describe('core: token bucket', () => {
  it('gives the tokens of a tenth of a second at once, then each when it is due', () => {
    const bucket = new TokenBucket(1_000);
    assert.equal(takeMany(bucket, 5_000, 0), 100);
    assert.deepEqual(
      [0.5, 1, 1.5, 2, 7].map((nowMs) => takeMany(bucket, 10, nowMs)),
      [0, 1, 0, 1, 5],
    );
    assert.equal(takeMany(bucket, 5_000, 3_600_000), 100, 'a silence saves up no more');
  });

  it('spreads a sample of a flood evenly', () => {
    const bucket = new TokenBucket(100);
    takeMany(bucket, 100, 0);
    const taken = Array.from({ length: 1_000 }, (_, n) => n + 1).filter((nowMs) => bucket.take(nowMs));
    assert.deepEqual(
      taken,
      Array.from({ length: 100 }, (_, n) => 10 * (n + 1)),
    );
  });

  it('gives a rate below the burst its one token', () => {
    const bucket = new TokenBucket(1);
    assert.deepEqual(
      [0, 999, 1_000, 1_001, 2_000].map((nowMs) => bucket.take(nowMs)),
      [true, false, true, false, true],
    );
  });

  it('without a bound always has one', () => {
    assert.equal(takeMany(new TokenBucket(Infinity), 100_000, 5), 100_000);
  });

  it('property: gives a burst and the rate to whoever takes all, and refuses nobody who keeps to the rate', () => {
    const rate = 250;
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { maxLength: 200 }), (pauses) => {
        const [greedy, modest] = [new TokenBucket(rate), new TokenBucket(rate)];
        let nowMs = 0;
        let [took, asked] = [takeMany(greedy, 50, nowMs), 0];
        for (const pause of pauses) {
          nowMs += pause;
          took += takeMany(greedy, 50, nowMs);
          assert.equal(took, 25 + Math.floor((nowMs * rate) / 1000));
          while (asked < (nowMs * rate) / 1000) {
            assert.ok(modest.take(nowMs));
            asked++;
          }
        }
      }),
      runs(200),
    );
  });
});
