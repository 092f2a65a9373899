/** How often is looked whether the machine slept, and the least that counts as sleep, in milliseconds. A hidden page's timers are late by up to a minute. */
const LOOK_MS = 1_000;
const SLEPT_MS = 5_000;

/** What a page has and a worker has not. */
interface Surroundings {
  readonly document?: Document;
  readonly navigator?: { readonly connection?: EventTarget };
}

/**
 * Tells when a page, or the machine that shows it, is back from wherever it was: the network is there again, or another one; the page is looked at again, was thawed, or
 * came out of the back/forward cache; the machine woke. In a worker only the network and sleep are noticed.
 * @returns ends it
 */
export function onReturn(returned: () => void): () => void {
  const { document: page, navigator: device } = globalThis as Surroundings;
  const ending = new AbortController();
  const on = (target: EventTarget | undefined, event: string, listener: (event: Event) => void): void =>
    target?.addEventListener(event, listener, { signal: ending.signal });
  on(globalThis, 'online', returned);
  on(globalThis, 'offline', returned);
  on(device?.connection, 'change', returned);
  on(page, 'resume', returned);
  on(page, 'visibilitychange', () => {
    if (page?.visibilityState === 'visible') returned();
  });
  on(globalThis, 'pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) returned();
  });
  const timer = watchSleep(() => {
    if (page?.visibilityState !== 'hidden') returned();
  });
  return () => {
    ending.abort();
    clearInterval(timer);
  };
}

/** Timers do not run while a machine sleeps. The wall clock goes on, but may be set back meanwhile; the monotonic one stands still on some systems. */
function watchSleep(woke: () => void): ReturnType<typeof setInterval> {
  const now = (): readonly number[] => [Date.now(), performance.now()];
  let lookedAt = now();
  return setInterval(() => {
    const looked = now();
    const passedMs = Math.max(...looked.map((clock, index) => clock - (lookedAt[index] as number)));
    if (passedMs > LOOK_MS + SLEPT_MS) woke();
    lookedAt = looked;
  }, LOOK_MS);
}
