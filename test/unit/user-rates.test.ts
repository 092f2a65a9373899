import assert from 'node:assert/strict';
import { grantOf } from '../../server/auth/claims.ts';
import { Failure } from '../../server/session/failure.ts';
import type { UserLimits } from '../../server/session/user-rates.ts';
import type { UserRates } from '../../server/session/user-rates.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { unlimited } from '../helpers/unlimited.ts';

describe('what each user may do in a second', () => {
  let clock: ManualClock;
  let rates: UserRates;

  const limited = (limits: Partial<UserLimits>): void => {
    clock = new ManualClock();
    rates = unlimited(clock, limits);
  };

  /** How many of so many publishes are let through. */
  function passing(
    count: number,
    { user = 'ann', type = 'gift', limits = undefined as object | undefined } = {},
  ): number {
    let passed = 0;
    for (let i = 0; i < count; i++) {
      if (refusal({ user, type, limits }) === undefined) passed += 1;
    }
    return passed;
  }

  function refusal({ user = 'ann', type = 'gift', limits = undefined as object | undefined } = {}):
    Failure | undefined {
    const spender = { name: user, limits: grantOf({ sub: user, limits }).limits };
    try {
      if (type === 'like') rates.spend(spender, 'publish', 'ephemeral', 'publish:like');
      else rates.spend(spender, 'publish', `publish:${type}`);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof Failure);
      return error;
    }
  }

  it('let a user publish so much a second, of which ten seconds are saved up', () => {
    limited({ publish: 2 });
    assert.equal(passing(30), 20);
    clock.advance(1_000);
    assert.equal(passing(30), 2);
    assert.equal(passing(30, { user: 'bob' }), 20, 'each has his own');
    clock.advance(100_000);
    assert.equal(passing(30), 20, 'no more is saved up than that');
  });

  it('say when the next one is let through, and let it through then', () => {
    limited({ publish: 2 });
    passing(20);
    const failure = refusal();
    assert.deepEqual([failure?.reason, failure?.retryAfterMs], ['RATE_LIMITED', 500]);
    clock.advance(499);
    assert.equal(refusal()?.retryAfterMs, 1);
    clock.advance(1);
    assert.equal(refusal(), undefined);
  });

  it('count ephemeral messages by themselves, and among all', () => {
    limited({ publish: 3, ephemeral: 1 });
    assert.equal(passing(20, { type: 'like' }), 10);
    assert.equal(passing(40), 20, 'what was refused has cost nothing');
  });

  it('are those of the token, where it has any', () => {
    limited({ publish: 2, ephemeral: 2 });
    const limits = { publish: 5, 'publish:gift': 1, ephemeral: 0.1, logins: 'three' };
    assert.equal(passing(99, { limits }), 10);
    assert.equal(passing(99, { limits, type: 'question' }), 40);
    assert.equal(passing(99, { user: 'bob', limits, type: 'like' }), 1);
    assert.equal(passing(99, { user: 'eve', limits: {} }), 20);
    clock.advance(10_000);
    assert.equal(passing(99, { user: 'bob', limits, type: 'like' }), 1);
  });

  it('refuse a token whose limits make no sense', () => {
    for (const limits of [
      7,
      ['publish'],
      { publish: '5' },
      { ephemeral: 0 },
      { 'publish:gift': -1 },
      { publish: 1e9 },
    ])
      assert.throws(() => grantOf({ sub: 'ann', limits }), {
        reason: 'TOKEN_INVALID',
        message: /claim limits/,
      });
  });

  it('remember only who has published lately, and not without end', () => {
    limited({ publish: 100 });
    for (let user = 0; user < 150_000; user++) passing(1, { user: `u${user}` });
    assert.equal(rates.spendings, 100_000);
    clock.advance(10_000);
    assert.equal(rates.spendings, 0);
  });

  it('have the streams of who is refused again and again wait', () => {
    limited({ publish: 1 });
    passing(10);
    const pauses = Array.from({ length: 250 }, () => refusal()?.pauseMs);
    assert.deepEqual(pauses, [...Array<number>(200).fill(0), ...Array<number>(50).fill(1_000)]);
    assert.equal(refusal({ user: 'bob' }), undefined);
  });

  it('cost nothing where there are none', () => {
    limited({});
    passing(5);
    assert.equal(rates.spendings, 0);
  });
});
