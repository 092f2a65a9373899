import type { RuleFactory } from '../rule.ts';

/**
 * Unique: no sequence and no identifier reaches a viewer twice, whatever reconnects and restarts lie between. So a
 * message of unknown outcome appears at most once. A reset begins a new history. After a process was killed, what
 * it had been given beyond its stored cursor may come again: nobody can say that it was handled.
 */
export const unique: RuleFactory = ({ viewer, tally }) => ({
  onRoomEvent(event, track) {
    if (event.kind !== 'message') return;
    const { room, seq, id, atMs } = event;
    tally.check(!track.had(seq) && !track.hadId(id), () => {
      return { kind: 'duplicated', viewer, room, seq, atMs, detail: `message "${id}" came before` };
    });
  },
});
