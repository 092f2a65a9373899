/** The command line made no sense; the message says what would. */
export class UsageError extends Error {}

/** The user ended the command before its work was done. */
export class Interrupted extends Error {}
