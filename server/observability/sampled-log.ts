import type { Clock, Timer } from '../../common/clock.ts';
import type { Logger, LogLine } from './logging.ts';

/** Lines a second that are written, at most. */
const PER_SECOND = 20;
const SECOND_MS = 1_000;

/** A log of what may happen thousands of times a second. */
export interface SampledLog {
  /** Writes the line at info, or counts it. */
  readonly info: LogLine;
  /** Writes how many were left out, and nothing any more. */
  close(): void;
}

/**
 * Writes the first lines of each second, and at its end how many were left out, by their message.
 * @param base facts of every line
 */
export function sampledLog(
  logger: Pick<Logger, 'info'>,
  clock: Clock,
  base: Readonly<Record<string, unknown>> = {},
): SampledLog {
  const leftOut = new Map<string, number>();
  let written = 0;
  let second: Timer | undefined;
  let over = false;
  const turn = (): void => {
    second = undefined;
    written = 0;
    if (leftOut.size === 0) return;
    logger.info({ ...base, leftOut: Object.fromEntries(leftOut) }, 'more in the same second');
    leftOut.clear();
  };
  return {
    info(facts, message) {
      if (over) return;
      second ??= clock.after(SECOND_MS, turn);
      if (written++ < PER_SECOND) logger.info({ ...base, ...facts }, message);
      else leftOut.set(message, (leftOut.get(message) ?? 0) + 1);
    },
    close() {
      over = true;
      second?.cancel();
      turn();
    },
  };
}
