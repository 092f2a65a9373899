import assert from 'node:assert/strict';
import type { ApiDependencies } from '../../server/transport/api/dependencies.ts';
import { withinDeadline } from '../../server/transport/api/serve-call.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('work for a call over HTTP that has a deadline', () => {
  let clock: ManualClock;
  let dependencies: ApiDependencies;

  beforeEach(() => {
    clock = new ManualClock();
    dependencies = { context: { clock } } as unknown as ApiDependencies;
  });

  it('is waited for no longer', async () => {
    const answered = withinDeadline(dependencies, 1_000, new Promise(() => undefined));
    clock.advance(1_000);
    await assert.rejects(answered, { reason: 'DEADLINE_EXCEEDED' });
  });

  it('leaves no timer when it is done, or has failed', async () => {
    assert.equal(await withinDeadline(dependencies, 1_000, Promise.resolve('done')), 'done');
    await assert.rejects(withinDeadline(dependencies, 1_000, Promise.reject(new Error('failed'))), /failed/);
    assert.equal(clock.pending, 0);
  });
});
