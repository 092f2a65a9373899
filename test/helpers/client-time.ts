import type { LiveClient } from '../../client/index.ts';
import type { ManualClock } from './manual-clock.ts';
import { until } from './poll.ts';

/**
 * So much of a client's time passes at each look, in milliseconds: no more than on the machine's clock, so that heartbeats
 * which a server sends by that one are in time, however busy the machine is.
 */
const STEP_MS = 10;

/** As a client's `random`: it begins with the first of two endpoints, and waits half of each longest backoff. */
export const firstOfTwo = (): number => 0.5;

/** Waits until it holds, while the time of a client passes that has `clock` for itself. */
export function passes(clock: ManualClock, name: string, holds: () => boolean): Promise<unknown> {
  return until(name, () => {
    clock.advance(STEP_MS);
    return holds();
  });
}

/**
 * Lets the client's time pass until it gives its connection up.
 * @returns how long it had heard nothing then, in milliseconds of its own clock, to the millisecond.
 */
export async function silenceBeforeGivingUp(client: LiveClient, clock: ManualClock): Promise<number> {
  let gaveUpMs: number | undefined;
  client.on('state', ({ kind: name }) => {
    if (name === 'backoff') gaveUpMs ??= clock.monotonicMs();
  });
  let frames = 0;
  let heardMs = 0;
  await until('the client gives the connection up', () => {
    // Time stands still between two looks: what has come since the last one came now.
    if (frames !== client.counters.framesReceived) heardMs = clock.monotonicMs();
    frames = client.counters.framesReceived;
    clock.advance(STEP_MS);
    return gaveUpMs !== undefined;
  });
  return (gaveUpMs ?? 0) - heardMs;
}
