import type { Dismissal } from '../state/dismissal.ts';
import { Failure } from './failure.ts';

/** Why somebody may not watch a room, as it is told. */
export function dismissed(dismissal: Dismissal, room: string): Failure {
  const because = dismissal.reason === '' ? '' : `: ${dismissal.reason}`;
  if (dismissal.kind === 'closed') return new Failure('ROOM_CLOSED', `room ${room} is closed${because}`);
  return new Failure(
    'USER_BANNED',
    `the user is banned from room ${room}${until(dismissal.untilMs)}${because}`,
  );
}

/** For people; undefined: for good. */
export const until = (untilMs: number | undefined): string =>
  untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
