const GRACE_MS = 20_000;

/** A rejection that nobody handles fails the test that is running; by itself mocha would pass over it. */
export function mochaGlobalSetup(): void {
  process.on('unhandledRejection', (reason) => {
    throw reason;
  });
}

/**
 * Mocha ends by itself once nothing is left to do. What still runs after the last test (a server, a socket, a
 * timer) is a leak: it is named, and the run fails instead of hanging.
 */
export function mochaGlobalTeardown(): void {
  setTimeout(() => {
    console.error(`still open ${GRACE_MS} ms after the last test: ${openResources()}`);
    process.exit(1);
  }, GRACE_MS).unref();
}

/** Kinds of open resources and how many of each; the standard streams may be among them. */
function openResources(): string {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
}
