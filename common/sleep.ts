import type { Clock } from './clock.ts';

/** Resolves after `ms` milliseconds, or as soon as `signal` is aborted. Never rejects. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal.addEventListener('abort', finish);
  });
}
