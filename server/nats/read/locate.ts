import { consumerConfig } from './consumer-config.ts';
import type { StreamStart } from '../../upstream/upstream.ts';
import type { ReadContext } from './page-reader.ts';
import { readHead } from './read-head.ts';

/**
 * The position just before the first message that `start` asks for, or the stream's end when there is none.
 * @throws when NATS cannot be asked
 */
export async function locate(context: ReadContext, room: string, start: StreamStart): Promise<number> {
  const { leader } = context;
  // Read first: what is stored while we look is then behind the end, and not skipped.
  const { firstSeq, lastSeq } = await leader.state();
  const before = (seq: number | undefined): number => (seq === undefined ? lastSeq : seq - 1);
  switch (start.kind) {
    case 'earliest':
      return before(await firstAt(context, room, 1));
    case 'seq':
      return before(await firstAt(context, room, start.seq));
    case 'since':
      return before(await firstSince(context, room, start.timeMs));
    case 'last':
      return before(await nthFromEnd(context, room, start.count, firstSeq, lastSeq));
  }
}

/**
 * Sequence of the room's first message at or after `seq`. Its payload is not asked for: it may take long. Only the leader knows that
 * there is none; a replica that lags may at most hold what is held no longer.
 */
async function firstAt(context: ReadContext, room: string, seq: number): Promise<number | undefined> {
  const { leader } = context;
  const first = await readHead(context, consumerConfig(leader.subjects.room(room), { kind: 'seq', seq }));
  return first?.seq ?? leader.nextSeq(room, Math.max(1, seq));
}

async function firstSince(context: ReadContext, room: string, timeMs: number): Promise<number | undefined> {
  const subject = context.leader.subjects.room(room);
  return (await readHead(context, consumerConfig(subject, { kind: 'time', timeMs })))?.seq;
}

/**
 * JetStream cannot count backwards, but it tells how many messages are at or after a sequence: halving finds
 * the greatest sequence with at least `count` of them.
 */
async function nthFromEnd(
  context: ReadContext,
  room: string,
  count: number,
  firstSeq: number,
  lastSeq: number,
): Promise<number | undefined> {
  const { leader } = context;
  const atOrAfter = (seq: number): Promise<number> =>
    leader.withConsumer(consumerConfig(leader.subjects.room(room), { kind: 'seq', seq }), (pending) =>
      Promise.resolve(pending),
    );
  let low = firstSeq;
  let high = lastSeq;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((await atOrAfter(middle)) >= count) low = middle;
    else high = middle - 1;
  }
  return firstAt(context, room, low);
}
