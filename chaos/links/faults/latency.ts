import type { Random } from '../../../common/random.ts';
import type { Fault } from '../fault.ts';
import type { Shaper } from '../segment.ts';
import { sleep } from '../../../common/sleep.ts';

/** Delay of one direction, in milliseconds. */
export interface LatencyOptions {
  readonly delayMs: number;
  /** Up to so much more, uniformly; order is kept. Default 0. */
  readonly jitterMs?: number;
}

/**
 * Every segment takes `delayMs` to `delayMs + jitterMs` in each direction, counted from its own arrival, so that
 * the delays of a burst do not add up.
 */
export function latency({ delayMs, jitterMs = 0 }: LatencyOptions, random: Random): Fault {
  const delay: Shaper = async ({ input, output, lifted, clock }) => {
    for await (const { segment, atMs } of input) {
      const dueMs = atMs + delayMs + jitterMs * random();
      await sleep(clock, dueMs - clock.monotonicMs(), lifted);
      await output.write(segment);
    }
  };
  return {
    name: 'latency',
    apply(link, lifted) {
      link.shape('up', delay, lifted);
      link.shape('down', delay, lifted);
    },
  };
}
