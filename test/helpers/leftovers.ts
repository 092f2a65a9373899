const GRACE_MS = 5_000;

/**
 * Mocha ends by itself once nothing is left to do. What still runs after the last test (a server, a socket, a
 * timer) is a leak: it is named, and the run fails instead of hanging.
 */
export function mochaGlobalTeardown(): void {
  setTimeout(() => {
    console.error(
      `still open ${GRACE_MS} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, GRACE_MS).unref();
}
