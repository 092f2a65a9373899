/** How `live-cli` ends. */
export const exitCodes = {
  ok: 0,
  /** The gateway refused, could not be reached in time, or something else went wrong. */
  failure: 1,
  /** The command line made no sense; nothing was tried. */
  misuse: 2,
  /** Interrupted before the work was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For the help of every command. */
export const exitCodeHelp = `
Exit codes: 0 done, 1 failed (refused, or no gateway in time), 2 wrong usage, 130 interrupted before it was done.`;
