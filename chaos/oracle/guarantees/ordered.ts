import type { RuleFactory } from '../rule.ts';

/**
 * Ordered: of the messages of a room that a viewer had not had before, each has a greater sequence than all those before
 * it. A reset begins a new history, which is ordered in itself. Repeats are Unique's to find.
 */
export const ordered: RuleFactory = ({ viewer, tally }) => ({
  onRoomEvent(event, track) {
    if (event.kind !== 'message' || track.had(event.seq)) return;
    const { room, seq, atMs } = event;
    tally.check(seq > track.last, () => {
      return { kind: 'reordered', viewer, room, seq, atMs, detail: `came after ${track.last}` };
    });
  },
});
