import { status } from '@grpc/grpc-js';
import type { PullRequestInput } from '../protos/gen/live/v1/PullRequest.ts';
import { unprefixed } from '../protos/enum-names.ts';
import type { PullResponse } from '../protos/gen/live/v1/PullResponse.ts';
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
 * @throws LiveError when the messages are not in ascending order.
 */
export async function* pullEvents(
  room: string,
  parts: AsyncIterable<PullResponse>,
  assertOpen: () => void,
): AsyncGenerator<PullEvent, void, undefined> {
  let last = -1n;
  for await (const { batch, gap, reset, end } of parts) {
    for (const wire of batch?.reliable ?? []) {
      const message = messageFromWire(wire);
      if (message.seq <= last) {
        throw new LiveError(status.INTERNAL, `sequence ${message.seq} came after ${last}`);
      }
      last = message.seq;
      yield { kind: 'message', room, message };
      assertOpen();
    }
    if (gap?.cursor) {
      const { after, next, cursor } = gap;
      const cause = unprefixed('CAUSE', gap.cause);
      yield {
        kind: 'gap',
        room,
        after: BigInt(after),
        next: BigInt(next),
        cause,
        cursor: cursorFromWire(cursor),
      };
    }
    if (reset?.cursor) {
      last = -1n;
      const cause = unprefixed('CAUSE', reset.cause);
      yield { kind: 'reset', room, cause, cursor: cursorFromWire(reset.cursor) };
    }
    if (end?.cursor) yield { kind: 'end', room, cursor: cursorFromWire(end.cursor), head: BigInt(end.head) };
  }
}
