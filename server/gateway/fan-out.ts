import type { Clock } from '../../common/clock.ts';
import { Histogram } from '../../common/histogram.ts';
import { EventLoopLag } from '../observability/event-loop-lag.ts';
import { Scheduler } from '../session/scheduler.ts';
import { Traffic } from '../session/traffic.ts';

/** A pass over ten thousand viewers takes some 30 ms. */
const PASS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What writes to viewers by turns, and what is measured of it. */
export interface FanOut {
  readonly scheduler: Scheduler;
  readonly traffic: Traffic;
  /** How long passes took, in seconds. */
  readonly passSeconds: Histogram;
  readonly lag: EventLoopLag;
}

/** To be closed by closing {@link FanOut.lag}. */
export function openFanOut(clock: Clock): FanOut {
  const traffic = new Traffic(clock);
  const passSeconds = new Histogram(PASS_SECONDS);
  const scheduler = new Scheduler(() => clock.monotonicMs(), setImmediate, {
    yielded: () => traffic.add(),
    passed: (ms) => passSeconds.observe(ms / 1_000),
  });
  return { scheduler, traffic, passSeconds, lag: new EventLoopLag(clock) };
}
