import { status } from '../../protos/status-codes.ts';
import type { PullRequestInput } from '../../protos/gen/live/v1/PullRequest.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { PullResponse } from '../../protos/gen/live/v1/PullResponse.ts';
import type { Cursor } from './cursor.ts';
import { cursorFromWire, cursorToWire } from './cursor.ts';
import { LiveError } from './errors.ts';
import type { GapEvent, Message, ResetEvent } from './messages.ts';
import { messageFromWire } from './messages.ts';
import type { PullOptions } from './options.ts';
import { startOf } from './options.ts';

/** What a pull gives, in order; `end` is the last. */
export type PullEvent =
  | { readonly kind: 'message'; readonly room: string; readonly message: Message }
  | GapEvent
  | ResetEvent
  | { readonly kind: 'end'; readonly room: string; readonly cursor: Cursor; readonly head: bigint };

/**
 * The request for a range.
 * @param maxFrameBytes the largest part that is taken
 */
export function pullRequest(
  room: string,
  { from = 'earliest', limit = 0 }: PullOptions,
  maxFrameBytes: number,
): PullRequestInput {
  const what = { room, limit, maxFrameBytes };
  if (typeof from === 'string') return { ...what, start: startOf(from) };
  if ('afterSeq' in from) return { ...what, afterSeq: String(from.afterSeq) };
  if ('cursor' in from) return { ...what, cursor: cursorToWire(from.cursor) };
  return { ...what, start: startOf(from) };
}

/**
 * The events in the parts of an answer.
 * @param assertOpen throws when no more may be given out
 * @throws LiveError when the messages are not in ascending order, or a part makes no sense.
 */
export async function* pullEvents(
  room: string,
  parts: AsyncIterable<PullResponse>,
  assertOpen: () => void,
): AsyncGenerator<PullEvent, void, undefined> {
  let last = -1n;
  for await (const part of parts) {
    for (const event of understood(room, part)) {
      if (event.kind === 'reset') last = -1n;
      if (event.kind === 'message') {
        const { seq } = event.message;
        if (seq <= last) throw new LiveError(status.INTERNAL, `sequence ${seq} came after ${last}`);
        last = seq;
      }
      yield event;
      assertOpen();
    }
  }
}

function understood(room: string, part: PullResponse): PullEvent[] {
  try {
    return eventsOf(room, part);
  } catch (cause) {
    throw new LiveError(status.INTERNAL, 'the gateway sent a part that makes no sense', { cause });
  }
}

function eventsOf(room: string, { batch, gap, reset, end }: PullResponse): PullEvent[] {
  const events: PullEvent[] = [];
  for (const wire of batch?.reliable ?? []) {
    events.push({ kind: 'message', room, message: messageFromWire(wire) });
  }
  if (gap?.cursor) {
    const cause = unprefixed('CAUSE', gap.cause);
    const [after, next] = [BigInt(gap.after), BigInt(gap.next)];
    events.push({ kind: 'gap', room, after, next, cause, cursor: cursorFromWire(gap.cursor) });
  }
  if (reset?.cursor) {
    const cause = unprefixed('CAUSE', reset.cause);
    events.push({ kind: 'reset', room, cause, cursor: cursorFromWire(reset.cursor) });
  }
  if (end?.cursor) {
    events.push({ kind: 'end', room, cursor: cursorFromWire(end.cursor), head: BigInt(end.head) });
  }
  return events;
}
