import type { Place, RoomEvent } from '../history.ts';
import type { RoomTrack } from '../room-track.ts';
import type { RuleFactory } from '../rule.ts';

/**
 * Bookmarked: a viewer always knows where it stands. Nothing of a room comes before Joined has told a cursor; messages and
 * places belong to the epoch that was told; a viewer that leaves has a cursor; if the run's final heads are known its last replay
 * was announced to be over (`no-bookmark`). No place that is told lies before one that was told or reached, and no
 * new message lies at or before a place that was told (`cursor-regression`).
 */
export const bookmarked: RuleFactory = ({ viewer, tally, finalHeads }) => {
  const told = (event: RoomEvent, holds: boolean, detail: string): void => {
    const { room, atMs } = event;
    tally.check(holds, () => ({ kind: 'no-bookmark', viewer, room, ...seqIn(event), atMs, detail }));
  };
  const forward = (event: RoomEvent, holds: boolean, detail: () => string): void => {
    const { room, atMs } = event;
    tally.check(holds, () => ({
      kind: 'cursor-regression',
      viewer,
      room,
      ...seqIn(event),
      atMs,
      detail: detail(),
    }));
  };

  function judgePlace(event: RoomEvent & Place, track: RoomTrack, floor: number): void {
    const epoch = track.place?.epoch;
    told(event, event.epoch === epoch, `epoch ${event.epoch} came without a reset`);
    if (event.epoch === epoch)
      forward(event, event.seq >= floor, () => `${event.seq} was told after ${floor}`);
  }

  function judgeEnd(event: Extract<RoomEvent, { kind: 'end' }>, track: RoomTrack): void {
    const { cursor, room } = event;
    told(event, cursor !== undefined, 'left without a cursor');
    if (cursor?.epoch === track.place?.epoch && cursor !== undefined) {
      forward(event, cursor.seq >= track.last, () => `left at ${cursor.seq}, had been given ${track.last}`);
    }
    if (finalHeads?.has(room))
      told(event, track.caughtUpMs !== undefined, 'the end of the replay was not told');
  }

  return {
    onRoomEvent(event, track) {
      if (event.kind === 'joined' || event.kind === 'restart' || event.kind === 'retrying') return;
      if (track.joins === 0) {
        told(event, false, `${event.kind} came before Joined`);
        return;
      }
      switch (event.kind) {
        case 'message':
          if (!track.had(event.seq)) judgePlace(event, track, track.bookmark + 1);
          return;
        case 'caught-up':
          judgePlace(event, track, Math.max(track.last, track.bookmark));
          return;
        case 'gap': {
          const floor = track.place?.seq ?? 0;
          forward(event, event.next - 1 >= floor, () => `a gap up to ${event.next} was told after ${floor}`);
          return;
        }
        case 'end':
          judgeEnd(event, track);
          return;
        case 'reset':
        case 'ephemeral':
        case 'dropped':
          told(event, true, '');
          return;
      }
    },
  };
};

function seqIn(event: RoomEvent): { seq?: number } {
  if ('seq' in event) return { seq: event.seq };
  return event.kind === 'gap' ? { seq: event.next } : {};
}
