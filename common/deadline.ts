import type { Clock } from './clock.ts';

/** What ends work before its own end. */
export interface Deadline {
  readonly clock: Clock;
  /** Time for the work, in milliseconds. */
  readonly ms: number;
  /** Each of them ends the work when it is aborted. */
  readonly signals?: readonly AbortSignal[];
}

/** What an answer takes at most to come back, in milliseconds. */
const ANSWER_MS = 1_000;

/**
 * How long someone may work for a caller that waits `ms` milliseconds, so that the caller still gets the result: with equal times it would
 * always give up first.
 */
export function nestedMs(ms: number): number {
  return Math.max(0, ms - Math.min(ANSWER_MS, ms / 5));
}

/**
 * Does `work` with a signal that is aborted when its time is up or one of the deadline's signals is aborted; the work
 * has to heed it. Settles as the work does.
 *
 * Instead of `AbortSignal.any` over an `AbortSignal.timeout`: nothing holds that, and once it is collected it never
 * fires.
 */
export async function withDeadline<T>(
  { clock, ms, signals = [] }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = clock.after(ms, () => limit.abort(new Error(`not done within ${ms / 1_000} s`)));
  const aborts = signals.map((signal) => {
    const abort = (): void => limit.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    return { signal, abort };
  });
  try {
    return await work(limit.signal);
  } finally {
    timer.cancel();
    for (const { signal, abort } of aborts) signal.removeEventListener('abort', abort);
  }
}
