import assert from 'node:assert/strict';
import { poll, until } from '../helpers/poll.ts';

describe('test helper: until', () => {
  it('returns the first truthy value, and takes a throw for "not yet"', async () => {
    let calls = 0;
    const value = await until('the third call', () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return calls >= 3 && `call ${calls}`;
    });
    assert.equal(value, 'call 3');
  });

  it('names the condition and the last value when it does not come true', async () => {
    const never = poll('the count is two', () => [1].length === 2, { everyMs: 10, timeoutMs: 30 });
    await assert.rejects(never, /not within 30 ms: the count is two \(last value: false\)/);
  });

  it('keeps the last error as the cause', async () => {
    const never = poll(
      'it stops failing',
      () => {
        throw new Error('still failing');
      },
      { everyMs: 10, timeoutMs: 30 },
    );
    await assert.rejects(never, (error: Error) => (error.cause as Error).message === 'still failing');
  });
});
