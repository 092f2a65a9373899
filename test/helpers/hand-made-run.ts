import type { History, PublishedMessage, ViewerEvent } from '../../chaos/oracle/history.ts';
import type { RunDetails } from './recorded.ts';

const ROOM = 'demo';
const EPOCH = 'one';

function published(seq: number, atMs: number): PublishedMessage {
  return { room: ROOM, epoch: EPOCH, seq, id: `gift ${seq}`, atMs };
}

/** A message with its predecessor, the one before it. */
export function message(seq: number, atMs: number): ViewerEvent {
  return { kind: 'message', room: ROOM, atMs, epoch: EPOCH, seq, prevSeq: seq - 1, id: `gift ${seq}` };
}

function state(atMs: number, name: 'connecting' | 'live' | 'suspect' | 'backoff' | 'closed'): ViewerEvent {
  return { kind: 'state', atMs, state: name };
}

/**
 * One viewer's run, written by hand: two messages live, a half-open connection of 400 ms during which a third is
 * published, a resume that replays it, a fourth live; three ephemeral messages, one more dropped. Every measure of it
 * can be told by reading it.
 */
export function handMadeEvents(): ViewerEvent[] {
  return [
    state(0, 'connecting'),
    state(10, 'live'),
    { kind: 'joined', room: ROOM, atMs: 10, epoch: EPOCH, seq: 0, head: 0, outcome: 'STARTED' },
    { kind: 'caught-up', room: ROOM, atMs: 11, epoch: EPOCH, seq: 0 },
    message(1, 105),
    { kind: 'ephemeral', room: ROOM, atMs: 110, ageMs: 4 },
    message(2, 220),
    { kind: 'ephemeral', room: ROOM, atMs: 230, ageMs: 6 },
    state(1_500, 'suspect'),
    state(1_700, 'backoff'),
    state(1_800, 'connecting'),
    state(1_900, 'live'),
    { kind: 'joined', room: ROOM, atMs: 1_905, epoch: EPOCH, seq: 2, head: 3, outcome: 'RESUMED' },
    message(3, 1_910),
    { kind: 'caught-up', room: ROOM, atMs: 1_950, epoch: EPOCH, seq: 3 },
    message(4, 2_007),
    { kind: 'ephemeral', room: ROOM, atMs: 2_010, ageMs: 100 },
    { kind: 'dropped', room: ROOM, atMs: 2_020, count: 1 },
    { kind: 'end', room: ROOM, atMs: 3_000, cursor: { epoch: EPOCH, seq: 4 } },
    state(3_000, 'closed'),
  ];
}

/** The history of that viewer, `v0`, unless other events are given. */
export function handMadeHistory(events = handMadeEvents()): History {
  return {
    published: [published(1, 100), published(2, 200), published(3, 1_200), published(4, 2_000)],
    unknown: [{ room: ROOM, id: 'gift 5' }],
    viewers: [{ viewer: 'v0', events }],
    finalHeads: new Map([[ROOM, { epoch: EPOCH, seq: 4 }]]),
  };
}

/** What was recorded beside it. The kill of NATS showed to nobody. */
export const handMadeDetails: RunDetails = {
  plan: {
    durationMs: 2_500,
    isolation: { maxLatencyMs: 500, recoveryMs: 1_000 },
    faults: [
      { fault: 0, name: 'half-open', viewer: 'v0', atMs: 1_000, forMs: 400 },
      { fault: 1, name: 'nats-kill', viewer: undefined, atMs: 2_100, forMs: 100 },
      { fault: 2, name: 'half-open', viewer: 'v0', atMs: 2_400, forMs: 100 },
    ],
  },
  faults: [
    { fault: 0, fromMs: 1_000, toMs: 1_400 },
    { fault: 1, fromMs: 2_100, toMs: 2_200 },
  ],
  totals: [{ viewer: 'v0', reconnects: 1, bytes: 2_048, duplicatesDropped: 2, continuityViolations: 1 }],
  historyReads: 3,
};
