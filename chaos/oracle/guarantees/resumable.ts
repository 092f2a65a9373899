import type { RoomEvent } from '../history.ts';
import type { RoomTrack } from '../room-track.ts';
import type { RuleFactory } from '../rule.ts';

/**
 * Resumable: whenever a viewer joins again, after a reconnect or with a stored cursor after a restart, whichever gateway
 * answers, it goes on in the same epoch from where it stood (`cursor-regression` if earlier). Otherwise the answer
 * was GAP or RESET, and the gap or reset follows before any message (`not-resumed`). A process that ended cleanly
 * has stored a cursor that covers all it was given (`cursor-regression`).
 */
export const resumable: RuleFactory = ({ viewer, tally }) => {
  /** Rooms whose last join was answered GAP or RESET, until it has followed. */
  const announced = new Map<string, 'gap' | 'reset'>();

  function judgeJoin(event: Extract<RoomEvent, { kind: 'joined' }>, { place }: RoomTrack): void {
    const { room, epoch, seq, atMs, outcome } = event;
    announced.delete(room);
    if (place === undefined) return;
    if (outcome === 'GAP') announced.set(room, 'gap');
    if (outcome === 'RESET') announced.set(room, 'reset');
    const honoured = outcome !== 'STARTED' && (outcome !== 'RESUMED' || epoch === place.epoch);
    tally.check(honoured, () => {
      return {
        kind: 'not-resumed',
        viewer,
        room,
        seq,
        atMs,
        detail: `stood at ${place.seq}, got ${outcome}`,
      };
    });
    if (outcome !== 'RESUMED' || !honoured) return;
    tally.check(seq >= place.seq, () => {
      const detail = `stood at ${place.seq}, resumed at ${seq}`;
      return { kind: 'cursor-regression', viewer, room, seq, atMs, detail };
    });
  }

  return {
    onRoomEvent(event, track) {
      const { room, atMs } = event;
      switch (event.kind) {
        case 'joined':
          judgeJoin(event, track);
          return;
        case 'gap':
        case 'reset':
          if (announced.get(room) === event.kind) announced.delete(room);
          return;
        case 'message': {
          const missed = announced.get(room);
          if (missed === undefined) return;
          announced.delete(room);
          const detail = `a message came before the ${missed} that the join had promised`;
          tally.check(false, () => ({ kind: 'not-resumed', viewer, room, seq: event.seq, atMs, detail }));
          return;
        }
        case 'restart': {
          announced.delete(room);
          const { how, cursor } = event;
          if (how === 'killed' || cursor === undefined) return;
          tally.check(cursor.seq >= track.last, () => {
            const detail = `stored ${cursor.seq}, had been given ${track.last}`;
            return { kind: 'cursor-regression', viewer, room, seq: cursor.seq, atMs, detail };
          });
          return;
        }
        default:
          return;
      }
    },
  };
};
