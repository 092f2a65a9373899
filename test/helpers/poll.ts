import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/**
 * Bounds a hang, and is below mocha's, which could not say what never came. It proves nothing of how quick something is:
 * a machine that is busy with other things takes its time, and so does a test on it.
 */
const TIMEOUT_MS = 120_000;

/** How often `until` looks, in milliseconds. */
export interface PollOptions {
  readonly everyMs?: number;
}

/**
 * Waits until `probe` returns something truthy, and returns it. A probe that throws counts as "not yet".
 * @param name the condition in words, for the error: "the viewer is live".
 * @throws if the condition does not hold within two minutes: names it, with the last value or error seen.
 */
export function until<T>(
  name: string,
  probe: () => T | Promise<T>,
  { everyMs = 10 }: PollOptions = {},
): Promise<NonNullable<T>> {
  return poll(name, probe, { everyMs, timeoutMs: TIMEOUT_MS });
}

/** `until` with a time-out of its own: for the test of it, and where something else would bring about what is waited for. */
export async function poll<T>(
  name: string,
  probe: () => T | Promise<T>,
  { everyMs, timeoutMs }: Required<PollOptions> & { readonly timeoutMs: number },
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await attempt(probe);
    if (seen.kind === 'value' && seen.value) return seen.value;
    if (performance.now() >= deadline) {
      const last = seen.kind === 'value' ? `last value: ${inspect(seen.value)}` : 'last probe threw';
      throw new Error(`not within ${timeoutMs} ms: ${name} (${last})`, {
        cause: seen.kind === 'error' ? seen.error : undefined,
      });
    }
    await sleep(everyMs);
  }
}

type Seen<T> = { kind: 'value'; value: T } | { kind: 'error'; error: unknown };

async function attempt<T>(probe: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { kind: 'value', value: await probe() };
  } catch (error) {
    return { kind: 'error', error };
  }
}
