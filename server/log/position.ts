/**
 * A place in a room: everything of the room up to and including `seq` has been seen. Sent to viewers
 * as `Cursor`.
 */
export interface Position {
  /** Identity of the stream. */
  readonly epoch: string;
  readonly seq: number;
  /** Fingerprint of the message at `seq`; 0 when `seq` is not (known to be) a message of the room. */
  readonly fingerprint: number;
}
