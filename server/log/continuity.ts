import type { Position } from './position.ts';

/** What reading the stream inclusively from a position has found there. */
export interface Evidence {
  readonly epoch: string;
  /** Fingerprint of the room's message at the position, or undefined when the room has none there. */
  readonly found: number | undefined;
  /** The stream's oldest sequence, not older than the read. */
  readonly firstSeq: number;
  /** Whether another room's message is at the position. */
  readonly heldElsewhere: boolean;
  /** Whether the stream holds messages that are older than it says it is itself. */
  readonly predated: boolean;
}

/** Whether everything after a position is still what its holder would have seen. */
export type Continuity = 'continuous' | 'evicted' | 'rewound' | 'recreated';

/**
 * Whether the stream is the one of the position under another time of creation. NATS gives a stream that was edited a new
 * one when it restarts (seen with 2.9.10 and 2.10.27). A stream that was really created again holds nothing older than
 * itself; one that does, and holds the very message at the position, has the same history.
 */
export function isRenamed({ fingerprint }: Position, { found, predated }: Evidence): boolean {
  return fingerprint !== 0 && fingerprint === found && predated;
}

/**
 * The resume table (docs/protocol.md), for a position at or before the stream's end.
 *
 * A message held at the position proves the most: limits evict the oldest first, so nothing behind it is
 * missing. Without it only the stream's first sequence can tell.
 */
export function judge(position: Position, evidence: Evidence): Continuity {
  if (position.epoch !== evidence.epoch) return isRenamed(position, evidence) ? 'continuous' : 'recreated';
  if (evidence.found !== undefined) {
    return position.fingerprint === 0 || position.fingerprint === evidence.found ? 'continuous' : 'rewound';
  }
  const held = position.seq >= evidence.firstSeq;
  if (held && position.fingerprint !== 0) {
    // The cursor names a message, the stream has not evicted so far, and the message is not the room's:
    // either another history put another room's message there, or this one was deleted on its own.
    return evidence.heldElsewhere ? 'rewound' : 'evicted';
  }
  return position.seq + 1 >= evidence.firstSeq ? 'continuous' : 'evicted';
}
