import type { Cursor as WireCursor } from '../../protos/gen/live/v1/Cursor.ts';

/** A place in a room's reliable messages; see `Cursor` in the proto. Keep it whole. */
export interface Cursor {
  /** Identity of the JetStream stream. */
  readonly epoch: string;
  /** Sequence up to and including which the holder has everything. */
  readonly seq: bigint;
  /** Fingerprint of the message at `seq`; 0 when the cursor names a position that is no message. */
  readonly fingerprint: number;
}

/** The cursor in a frame. */
export function cursorFromWire(cursor: WireCursor): Cursor {
  return { epoch: cursor.epoch, seq: BigInt(cursor.seq), fingerprint: cursor.fingerprint };
}

/** The cursor for a frame. */
export function cursorToWire(cursor: Cursor): WireCursor {
  return { epoch: cursor.epoch, seq: String(cursor.seq), fingerprint: cursor.fingerprint };
}
