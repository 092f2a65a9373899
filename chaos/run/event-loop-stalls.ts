import type { Clock, Timer } from '../../common/clock.ts';
import type { TimeSpan } from '../oracle/history.ts';

/** How often is looked, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** A timer that is later than this tells of a stall, in milliseconds. */
const TOLERABLE_MS = 500;

/**
 * Notices when this process's event loop has stalled, because it or the machine had too much to do: what viewers then see late, or
 * publishers tell late, is nobody's fault. Times are the wall clock's.
 */
export function watchEventLoop(clock: Clock, onStall: (span: TimeSpan) => void): Timer {
  let lastMs = clock.monotonicMs();
  return clock.every(LOOK_EVERY_MS, () => {
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - lastMs - LOOK_EVERY_MS;
    lastMs = nowMs;
    if (lateMs <= TOLERABLE_MS) return;
    const toMs = clock.wallMs();
    onStall({ fromMs: toMs - lateMs, toMs });
  });
}
