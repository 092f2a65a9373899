import assert from 'node:assert/strict';
import { withDeadline } from '../../common/deadline.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
  });

describe('deadline', () => {
  it('ends work when its time is up', async () => {
    const clock = new ManualClock();
    const work = withDeadline({ clock, ms: 5_000 }, untilAborted);
    clock.advance(5_000);
    await assert.rejects(work, /not done within 5 s/);
  });

  it('ends work when any of its signals is aborted, for the same reason', async () => {
    const clock = new ManualClock();
    const [first, second] = [new AbortController(), new AbortController()];
    const work = withDeadline({ clock, ms: 5_000, signals: [first.signal, second.signal] }, untilAborted);
    second.abort(new Error('enough'));
    await assert.rejects(work, /enough/);
    assert.equal(clock.pending, 0);
  });

  it('hands a signal to the work that was aborted before', async () => {
    const signals = [AbortSignal.abort(new Error('before'))];
    await assert.rejects(withDeadline({ clock: new ManualClock(), ms: 1, signals }, untilAborted), /before/);
  });

  it('leaves nothing behind when the work is done', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    let handed: AbortSignal | undefined;
    const work = withDeadline({ clock, ms: 5_000, signals: [signal] }, async (limit) => {
      handed = limit;
      return Promise.resolve('done');
    });
    assert.equal(await work, 'done');
    assert.equal(clock.pending, 0);
    clock.advance(5_000);
    assert.equal(handed?.aborted, false);
  });
});
