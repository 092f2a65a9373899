import type { Random } from '../../common/random.ts';

/** Limits of the delay between attempts, in milliseconds. */
export interface BackoffLimits {
  /** Upper end of the first delay. */
  readonly baseMs: number;
  /** Upper end of every delay. */
  readonly maxMs: number;
}

/** Delays between attempts unless the application says otherwise. */
export const defaultBackoff: BackoffLimits = { baseMs: 250, maxMs: 10_000 };

/** The delay before attempt number `attempt` (from 0): uniform below a ceiling that doubles ("full jitter"). */
export function backoffDelay(attempt: number, limits: BackoffLimits, random: Random): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(random() * ceiling);
}
