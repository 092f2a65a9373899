import type { Policy } from '../policy/namespace.ts';
import type { AskedFrom, JoinFrom } from '../room/start.ts';
import type { StreamStart } from '../upstream/upstream.ts';
import { Failure } from './failure.ts';

/** Ages are looked up by whole seconds: a crowd that comes at once then asks the stream once. */
const SECOND_MS = 1_000;

/**
 * Where a Join or Pull begins of what the room offers: a start that reaches further back begins with the oldest that is offered. Cursors are always served.
 * @param wallMs now, in milliseconds since the Unix epoch
 * @throws Failure START_INVALID where nothing is offered
 */
export function offered(
  from: AskedFrom,
  { historyMessages, historyAgeMs }: Policy,
  room: string,
  wallMs: number,
): JoinFrom {
  if (historyMessages === undefined && historyAgeMs === undefined) return from;
  if (from.kind === 'cursor' || from.kind === 'live') return from;
  if (historyMessages === 0)
    throw new Failure('START_INVALID', `room ${room} offers no history: begin live, or resume from a cursor`);
  const starts: StreamStart[] = from.kind === 'seq' ? [from] : [];
  const count = Math.min(from.kind === 'last' ? from.count : Infinity, historyMessages ?? Infinity);
  if (count < Infinity) starts.push({ kind: 'last', count });
  const timeMs = Math.max(from.kind === 'since' ? from.timeMs : 0, oldestMs(historyAgeMs, wallMs));
  if (timeMs > 0) starts.push({ kind: 'since', timeMs });
  return { kind: 'latest', starts };
}

function oldestMs(ageMs: number | undefined, wallMs: number): number {
  return ageMs === undefined ? 0 : Math.ceil((wallMs - ageMs) / SECOND_MS) * SECOND_MS;
}
