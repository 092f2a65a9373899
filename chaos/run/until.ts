import type { Clock } from '../../common/clock.ts';

/** How often a condition is looked at, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** Resolves when `holds` is true. */
export async function until(clock: Clock, holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
}
