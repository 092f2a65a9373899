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

/** For the help of commands that do something. */
export const EXIT_CODE_HELP = `
Exit codes: 0 done, 1 failed (refused, or no gateway in time), 2 wrong usage, 130 interrupted before it was done.`;

/** For the help of commands that judge. */
export const VERDICT_EXIT_CODE_HELP = `
Exit codes: 0 all guarantees hold, 1 one is broken or nothing was checked, 2 wrong usage.`;
