import type { Clock } from '../../common/clock.ts';
import { Interrupted } from '../../common/errors.ts';
import { aborted, sleep } from '../../common/sleep.ts';

/** How long everyone may take to catch up after publishing has ended and all is healed, in milliseconds. */
export const CATCH_UP_MS = 30_000;

/** @throws Interrupted when the run is stopped before it has begun */
export async function unlessStopped<T>(stopped: AbortSignal, work: Promise<T>): Promise<T> {
  const interrupted = aborted(stopped).then(() => {
    throw new Interrupted('interrupted before the run began');
  });
  interrupted.catch(() => undefined);
  return Promise.race([work, interrupted]);
}

/**
 * Waits for work, but not for longer than `timeoutMs`; the work goes on.
 * @throws saying what has not come about
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  failure: string,
  work: Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = sleep(clock, timeoutMs, over.signal).then(() => {
    if (!over.signal.aborted) throw new Error(`${failure} within ${timeoutMs / 1_000} s`);
    return work;
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
