import type { Random } from './random.ts';

/** Limits of the delay between attempts, in milliseconds. */
export interface BackoffLimits {
  /** Upper end of the first delay. */
  readonly baseMs: number;
  /** Upper end of every delay. */
  readonly maxMs: number;
}

/** The longest delay before attempt number `attempt` (from 0): it doubles with each. */
export function backoffCeiling(attempt: number, { baseMs, maxMs }: BackoffLimits): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** The delay before attempt number `attempt` (from 0): uniform below a ceiling that doubles ("full jitter"). */
export function backoffDelay(attempt: number, limits: BackoffLimits, random: Random): number {
  return Math.round(random() * backoffCeiling(attempt, limits));
}
