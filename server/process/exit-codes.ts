/** What live-server's exit code says. */
export const exitCodes = {
  /** Stopped as asked, every viewer sent away or cut off. */
  ok: 0,
  /** The gateway could not go on. */
  failed: 1,
  /** A setting is wrong. */
  misuse: 2,
  /** A certificate, NATS, the stream or the address could not be had. */
  cannotStart: 3,
  /** A second signal cut the drain short. */
  interrupted: 130,
} as const;

/** Ends the process. */
export function exit(outcome: keyof typeof exitCodes): never {
  process.exit(exitCodes[outcome]);
}
