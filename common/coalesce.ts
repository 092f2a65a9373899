/**
 * Runs `fn` for everybody who asks, one run at a time. Who asks during a run may have asked too late for it to answer
 * them: another run follows, shared by all who asked meanwhile.
 */
export function coalesced(fn: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  const run = (): Promise<void> => {
    if (running === undefined) {
      running = fn().finally(() => (running = undefined));
      return running;
    }
    following ??= running.then(() => {
      following = undefined;
      return run();
    });
    return following;
  };
  return run;
}
