import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Continuity } from '../log/continuity.ts';
import type { Emission, JoinOutcome, ResetCause } from './event.ts';
import type { Position } from '../log/position.ts';
import { Queue } from '../../common/queue.ts';
import type { Room } from './room.ts';
import type { Reach } from '../log/segment.ts';

/**
 * How far a viewer's join has come:
 * - `locating`: the stream is asked where its start is;
 * - `starting`: it begins at the room's end, once that is known;
 * - `claimed`: it brought a cursor that is yet to be judged, by what the room has in memory or, where that
 *   contradicts the cursor, once the stream's leader has been asked;
 * - `replaying`: its position is proven, and it is being brought to the head;
 * - `live`: it has been told that it has caught up.
 */
export type Stage =
  | { readonly kind: 'locating' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'claimed'; readonly cursor: Position; readonly against: 'memory' | 'leader' }
  | { readonly kind: 'replaying' }
  | { readonly kind: 'live' };

/** Most viewers are at it. */
export const LIVE: Stage = { kind: 'live' };

/** Told that a viewer has something to be sent. */
export interface Waker {
  wake(viewer: Viewer): void;
}

/**
 * One viewer in one room: a cursor, not a queue. What it is owed is computed from the room's log when its
 * transport can take it.
 */
export class Viewer {
  readonly waker: Waker;
  /** The largest frame that its client takes, in bytes. */
  readonly #maxFrameBytes: number;
  /** The room that it is in. */
  room: Room | undefined;
  /** Everything up to and including it has been handed to the transport. */
  position: Position = { epoch: '', seq: 0, fingerprint: 0 };
  /** Sequence of the message that its cursor is to name once that has been looked at. */
  unnamed: number | undefined;
  /** Reliable messages handed to the transport. */
  handed = 0;
  /** Ephemeral messages seen or told as dropped, as a count into the room's ring. */
  ephemeralSeen = 0;
  /** The room's audience as it was last told; undefined before. */
  audience: number | undefined;
  /** The room's era that `position` belongs to. */
  era = 0;
  stage: Stage = { kind: 'locating' };
  /** Bytes of batches that may be handed to the transport; the one that exhausts them goes whole. */
  credit = Infinity;
  #acknowledged = 0;
  /** The room's tally of who is behind: the head's generation that it is counted as abreast of, and the other count. */
  abreastIn = 0;
  unacknowledged = false;
  /** Told before anything else, in order. */
  readonly notices = new Queue<Emission>();

  /** @param maxFrameBytes the largest frame that its client takes */
  constructor(waker: Waker, maxFrameBytes = Infinity) {
    this.waker = waker;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** How far its application says it has got. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  set acknowledged(seq: number) {
    this.#acknowledged = seq;
    this.room?.noteProgress(this);
  }

  /** The frame as this viewer gets it, paid for with its credit. */
  charge(frame: CompressibleFrame): CompressibleFrame {
    const fitting = frame.within(this.#maxFrameBytes);
    this.credit -= fitting.bytes;
    return fitting;
  }

  /** Lets `bytes` more of batches be handed over. */
  grant(bytes: number): void {
    const waits = this.credit <= 0;
    this.credit += bytes;
    if (waits && this.credit > 0) this.waker.wake(this);
  }

  /** Begins at a position that is known to be good. */
  begin(cursor: Position, head: number, outcome: JoinOutcome): void {
    this.notices.push({ kind: 'joined', cursor, head, outcome });
    this.position = cursor;
    this.stage = { kind: 'replaying' };
  }

  /** Notes what is handed to the transport. */
  advance({ upto, fingerprint, count }: Reach): void {
    const { epoch, seq } = this.position;
    if (upto > seq) this.position = { epoch, seq: upto, fingerprint };
    this.handed += count;
  }

  /** Announces that messages behind `from` and before `next` may be missing, and goes on from there. */
  skip({ epoch, seq: after }: Position, next: number): void {
    const cursor = { epoch, seq: next - 1, fingerprint: 0 };
    this.notices.push({ kind: 'gap', after, next, cursor });
    this.position = cursor;
    this.stage = { kind: 'replaying' };
  }

  /** Announces that the history is another one, and goes on from `cursor`. */
  reset(cause: ResetCause, cursor: Position): void {
    this.notices.push({ kind: 'reset', cause, cursor });
    this.position = cursor;
    this.stage = { kind: 'replaying' };
  }
}

/** What Joined says of a judged cursor. */
export function outcomeOf(continuity: Continuity): JoinOutcome {
  switch (continuity) {
    case 'continuous':
      return 'RESUMED';
    case 'evicted':
      return 'GAP';
    case 'rewound':
    case 'recreated':
      return 'RESET';
  }
}
