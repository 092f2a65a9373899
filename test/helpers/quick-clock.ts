import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';

/** How much sooner everything is due. */
const FACTOR = 10;

/** A clock on which everything is due ten times as soon: for tests in which a gateway waits before it looks again. */
export const quickClock: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * FACTOR,
  after: (delayMs, fn) => systemClock.after(delayMs / FACTOR, fn),
  every: (periodMs, fn) => systemClock.every(periodMs / FACTOR, fn),
};
