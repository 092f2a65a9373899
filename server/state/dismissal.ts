import type { RoomState } from './room-state.ts';
import { onList } from './room-state.ts';

/** Why somebody may not watch a room. */
export type Dismissal =
  | { readonly kind: 'closed'; readonly reason: string }
  | { readonly kind: 'banned'; readonly reason: string; readonly untilMs: number | undefined };

/** Whether a user is banned from the room now. */
export function banOf(state: RoomState, user: string | undefined, nowMs: number): Dismissal | undefined {
  const entry = user === undefined ? undefined : onList(state, 'banned', user, nowMs);
  return entry && { kind: 'banned', ...entry };
}

/** Whether the room is closed, for a viewer that has come so far: whoever has not had the message that says so gets it first. */
export function closingOf({ closed }: RoomState, seq: number): Dismissal | undefined {
  return closed !== undefined && seq >= closed.seq ? { kind: 'closed', reason: closed.reason } : undefined;
}
