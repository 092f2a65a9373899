import type { Cursor, RoomEvent as ClientRoomEvent } from '../../client/index.ts';
import type { Place, RoomEvent } from './history.ts';
import { seqOf } from './history.ts';

/** A client's cursor in a history. */
export function placeOf({ epoch, seq }: Cursor): Place {
  return { epoch, seq: seqOf(seq) };
}

type Outcome = Extract<RoomEvent, { kind: 'joined' }>['outcome'];
const OUTCOMES: readonly string[] = ['STARTED', 'RESUMED', 'GAP', 'RESET'] satisfies Outcome[];
const isOutcome = (outcome: string): outcome is Outcome => OUTCOMES.includes(outcome);

/**
 * What a client gave to its application, as a history keeps it; undefined for what no guarantee speaks of.
 * @param expected whether something had happened that makes gaps and resets
 * @param wallMs when it came, since the Unix epoch; given, it tells the age of ephemeral messages
 */
export function historyEvent(
  event: ClientRoomEvent,
  atMs: number,
  expected: boolean,
  wallMs?: number,
): RoomEvent | undefined {
  const { room } = event;
  switch (event.kind) {
    case 'joined': {
      const { outcome, head, cursor } = event;
      // An answer that does not say has honoured nothing.
      const answer = isOutcome(outcome) ? outcome : 'STARTED';
      return { kind: 'joined', room, atMs, ...placeOf(cursor), head: seqOf(head), outcome: answer };
    }
    case 'message': {
      const { id, prevSeq } = event.message;
      return { kind: 'message', room, atMs, ...placeOf(event.cursor), prevSeq: seqOf(prevSeq), id };
    }
    case 'gap':
      return { kind: 'gap', room, atMs, after: seqOf(event.after), next: seqOf(event.next), expected };
    case 'reset':
      return { kind: 'reset', room, atMs, ...placeOf(event.cursor), expected };
    case 'caught-up':
      return { kind: 'caught-up', room, atMs, ...placeOf(event.cursor) };
    case 'audience':
    case 'room-state':
      return undefined;
    case 'ephemeral': {
      const age = wallMs === undefined ? {} : { ageMs: wallMs - event.message.timeMs };
      return { kind: 'ephemeral', room, atMs, ...age };
    }
    case 'dropped':
      return { kind: 'dropped', room, atMs, count: event.count };
    case 'retrying':
      return { kind: 'retrying', room, atMs };
  }
}
