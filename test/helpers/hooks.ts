import { setTimeout as sleep } from 'node:timers/promises';

/** How long what the tests opened may take to close after the last of them, in milliseconds. */
const GRACE_MS = 20_000;
const POLL_MS = 20;

// A rejection that nobody handles fails the test that is running; by itself mocha would pass over it.
process.on('unhandledRejection', (reason) => {
  throw reason;
});

let before: ReadonlyMap<string, number> = new Map();

/** Around the tests of a file or, when mocha runs all in one process, around all of them. */
export const mochaHooks = {
  async beforeAll(): Promise<void> {
    // Mocha's own timer for a hook that waits is there in both.
    await sleep(0);
    before = openResources();
  },

  /** What still runs after the last test (a server, a socket, a timer) is a leak: it is named, and fails the run. */
  async afterAll(): Promise<void> {
    const endMs = performance.now() + GRACE_MS;
    let leaks = leaked();
    while (leaks.length > 0 && performance.now() < endMs) {
      await sleep(POLL_MS, undefined, { ref: false });
      leaks = leaked();
    }
    if (leaks.length > 0)
      throw new Error(`still open ${GRACE_MS} ms after the last test: ${leaks.join(', ')}`);
  },
};

/** What still runs then has failed the run: it does not hang as well. */
export function mochaGlobalTeardown(): void {
  setTimeout(() => process.exit(1), GRACE_MS).unref();
}

/** Kinds of resources that are open and were not at the beginning, and how many more of each. */
function leaked(): string[] {
  return [...openResources()]
    .map(([kind, count]) => ({ kind, more: count - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${more} ${kind}`);
}

/** Kinds of resources that keep the process alive, and how many of each. */
function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
