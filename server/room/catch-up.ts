import type { Position } from '../log/position.ts';
import type { Follower } from './follower.ts';

/** Where a viewer that has everything stands. */
export interface AtHead {
  readonly position: Position;
  /** Whether it has been told that it has everything. */
  readonly live: boolean;
  /** Sequence of the message that its cursor is to name once that has been looked at. */
  readonly unnamed: number | undefined;
}

/**
 * Where a viewer that has everything is to be told that it stands: for the first time, or under a new cursor. Undefined when that is no news,
 * and as long as it cannot be known that this is everything.
 */
export function catchUp(
  { verified, log }: Follower,
  { position, live, unnamed }: AtHead,
): Position | undefined {
  if (!verified) return undefined;
  const { resumeCursor, unidentified } = log;
  const { seq, epoch } = position;
  const renamed = resumeCursor.epoch !== epoch;
  const named = unnamed === seq && resumeCursor.seq === seq && !unidentified;
  if (live && resumeCursor.seq <= seq && !renamed && !named) return undefined;
  // First the same place under another name, so that the client can tell that it is the same, then one further on.
  if (renamed) return { ...position, epoch: resumeCursor.epoch };
  // A start looked up in the stream, or a page of history, may have taken the viewer further than the room, or to where
  // the stream no longer has the message that the room has last: a cursor names none that the viewer has not had.
  const bare = resumeCursor.seq === seq && resumeCursor.fingerprint === 0 && !unidentified;
  return resumeCursor.seq > seq || named || bare ? resumeCursor : position;
}

/**
 * A viewer that was put at the room's newest message gets a cursor that names it as soon as it has been looked at. The sequence of that message;
 * undefined when its cursor names it already.
 */
export function promisedName(follower: Follower): number | undefined {
  const { unidentified, resumeCursor } = follower.log;
  if (!unidentified) return undefined;
  void follower.identify();
  return resumeCursor.seq;
}
