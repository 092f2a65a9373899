import type { NatsConnection } from 'nats';
import type { StreamStart } from '../core/upstream.ts';
import type { StreamLeader } from './leader.ts';
import { consumerConfig, pull } from './page-reader.ts';

/**
 * The position just before the first message that `start` asks for, or the stream's end when there is none.
 * @throws when NATS cannot be asked
 */
export async function locate(
  nc: NatsConnection,
  leader: StreamLeader,
  room: string,
  start: StreamStart,
): Promise<number> {
  // Read first: what is stored while we look is then behind the end, and not skipped.
  const { firstSeq, lastSeq } = await leader.state();
  const before = (seq: number | undefined): number => (seq === undefined ? lastSeq : seq - 1);
  switch (start.kind) {
    case 'earliest':
      return before(await leader.nextSeq(room, 1));
    case 'seq':
      return before(await leader.nextSeq(room, Math.max(1, start.seq)));
    case 'since':
      return before(await firstSince(nc, leader, room, start.timeMs));
    case 'last':
      return before(await nthFromEnd(leader, room, start.count, firstSeq, lastSeq));
  }
}

async function firstSince(
  nc: NatsConnection,
  leader: StreamLeader,
  room: string,
  timeMs: number,
): Promise<number | undefined> {
  const config = consumerConfig(leader.subjects.room(room), { kind: 'time', timeMs });
  return leader.withConsumer(config, async (pending) => {
    if (pending === 0) return undefined;
    const [first] = await pull(nc, leader, config.name, 1, 1, 0);
    return first?.seq;
  });
}

/**
 * JetStream cannot count backwards, but it tells how many messages are at or after a sequence: halving finds
 * the greatest sequence with at least `count` of them.
 */
async function nthFromEnd(
  leader: StreamLeader,
  room: string,
  count: number,
  firstSeq: number,
  lastSeq: number,
): Promise<number | undefined> {
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
  return leader.nextSeq(room, low);
}
