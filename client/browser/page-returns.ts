import type { Clock, Timer } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';

/** How often is looked whether the machine slept, and the least that counts as sleep, in milliseconds. A hidden page's timers are late by up to a minute. */
const LOOK_MS = 1_000;
const SLEPT_MS = 5_000;

/** What it listens to. A worker has no document, not every browser tells of another network, and what runs elsewhere may tell nothing at all. */
export interface Surroundings {
  readonly addEventListener?: EventTarget['addEventListener'];
  readonly document?: EventTarget & { readonly visibilityState: string };
  readonly navigator?: { readonly connection?: EventTarget };
}

/**
 * Tells when a page, or the machine that shows it, is back from wherever it was: the network is there again, or another one; the page is looked at again, also out of the
 * back/forward cache, or was thawed; the machine woke. In a worker only the network and sleep are noticed.
 * @returns ends it
 */
export function onReturn(
  returned: () => void,
  surroundings = globalThis as Surroundings,
  clock = systemClock,
): () => void {
  const { document: page, navigator: device } = surroundings;
  const ending = new AbortController();
  const { signal } = ending;
  surroundings.addEventListener?.('online', returned, { signal });
  surroundings.addEventListener?.('offline', returned, { signal });
  device?.connection?.addEventListener('change', returned, { signal });
  page?.addEventListener('resume', returned, { signal });
  const visible = (): void => {
    if (page?.visibilityState !== 'hidden') returned();
  };
  page?.addEventListener('visibilitychange', visible, { signal });
  const timer = watchSleep(visible, clock);
  return () => {
    ending.abort();
    timer.cancel();
  };
}

/** Timers do not run while a machine sleeps. The wall clock goes on, but may be set back meanwhile; the monotonic one stands still on some systems. */
function watchSleep(woke: () => void, clock: Clock): Timer {
  const now = (): readonly number[] => [clock.wallMs(), clock.monotonicMs()];
  let lookedAt = now();
  return clock.every(LOOK_MS, () => {
    const looked = now();
    const passedMs = Math.max(...looked.map((at, index) => at - (lookedAt[index] as number)));
    if (passedMs > LOOK_MS + SLEPT_MS) woke();
    lookedAt = looked;
  });
}
