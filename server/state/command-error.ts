/** The payload of a command is none that it takes; the message says what it takes. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
