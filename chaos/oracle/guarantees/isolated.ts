import type { RuleFactory } from '../rule.ts';

const troubled = new Set(['suspect', 'moving', 'backoff']);

/**
 * Isolated: while no fault touches a viewer, trouble elsewhere does not show. Once it has a connection it neither loses nor doubts it
 * (`disturbed`): before, it may have begun with an endpoint that is dead. And acknowledged messages published after it had caught up arrive within the bound (`late`). A
 * message any part of whose way falls into a disturbance is left out. Checked only if the history gives bounds.
 */
export const isolated: RuleFactory = ({ viewer, published, disturbed, isolation, tally }) => {
  if (isolation === undefined) return {};
  const { maxLatencyMs } = isolation;
  let guess = 0;
  let connected = false;
  const touched = (fromMs: number, toMs: number): boolean =>
    disturbed.some((span) => span.fromMs <= toMs && span.toMs >= fromMs);
  return {
    onState({ state, atMs }) {
      if (state !== 'connecting' && state !== 'backoff') connected = true;
      if (!connected || touched(atMs, atMs)) return;
      const detail = `became ${state} though no fault had touched it`;
      tally.check(!troubled.has(state), () => ({ kind: 'disturbed', viewer, atMs, detail }));
    },
    onRoomEvent(event, track) {
      if (event.kind !== 'message' || track.caughtUpMs === undefined || track.had(event.seq)) return;
      const { room, epoch, seq, atMs } = event;
      const inRoom = published.in(room, epoch);
      guess = inRoom.indexAfter(seq - 1, guess);
      const message = inRoom.messages[guess];
      if (message?.seq !== seq || message.atMs < track.caughtUpMs || touched(message.atMs, atMs)) return;
      const latencyMs = atMs - message.atMs;
      tally.check(latencyMs <= maxLatencyMs, () => {
        return { kind: 'late', viewer, room, seq, atMs, detail: `${latencyMs} ms after it was published` };
      });
    },
  };
};
