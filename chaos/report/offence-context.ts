import type { ViewerEvent } from '../oracle/history.ts';
import type { Violation } from '../oracle/verdict.ts';
import { PUBLISHER } from '../oracle/verdict.ts';
import { loadEvents } from '../record/history.ts';

/** How far events may be from a violation to explain it, in milliseconds. */
const NEAR_MS = 5_000;

/** Events shown before a violation and from it on. */
const shown = { before: 5, after: 3 };

/** What the viewer got around the moment at which a violation showed: its connection's states, and the room's events. */
export function eventsAround(
  db: string,
  run: string,
  { viewer, room, seq = 0, atMs }: Violation,
): ViewerEvent[] {
  if (viewer === PUBLISHER) return [];
  const span = { fromMs: atMs - NEAR_MS, toMs: atMs + NEAR_MS };
  const events = loadEvents(db, run, viewer, span).filter((event) => isTelling(event, room));
  // Of many at the same moment, as in a replay, the one that got to the sequence or beyond.
  const index = events.findIndex((event) => event.atMs >= atMs && (!('seq' in event) || event.seq >= seq));
  const at = index < 0 ? events.length : index;
  return events.slice(Math.max(0, at - shown.before), at + shown.after);
}

function isTelling(event: ViewerEvent, room: string | undefined): boolean {
  if (event.kind === 'state' || event.kind === 'upstream') return true;
  if (event.kind === 'ephemeral' || event.kind === 'dropped') return false;
  return room === undefined || event.room === room;
}

/** An event for people, without when and where. */
export function eventText(event: ViewerEvent): string {
  switch (event.kind) {
    case 'state':
      return `connection ${event.state}`;
    case 'upstream':
      return `NATS ${[event.upstream, ...event.causes].join(' ')}`;
    case 'retrying':
      return 'could not be served; joins again';
    case 'joined':
      return `joined at ${event.seq}: ${event.outcome}, head ${event.head}`;
    case 'message':
      return `message ${event.seq} after ${event.prevSeq}, "${event.id}"`;
    case 'gap':
      return `gap after ${event.after}, next ${event.next}${event.expected ? '' : ', not to be expected'}`;
    case 'reset':
      return `reset to ${event.seq}${event.expected ? '' : ', not to be expected'}`;
    case 'caught-up':
      return `caught up at ${event.seq}`;
    case 'ephemeral':
      return 'ephemeral message';
    case 'dropped':
      return `${event.count} ephemeral messages dropped`;
    case 'restart':
      return `process ended (${event.how}), goes on from ${event.cursor?.seq ?? 'nothing'}`;
    case 'end':
      return `left at ${event.cursor?.seq ?? 'nothing'}`;
  }
}
