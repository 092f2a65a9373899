import { randomBytes } from 'node:crypto';
import type { ConsumerConfig } from 'nats';
import { AckPolicy, DeliverPolicy, nanos } from 'nats';
import type { NamedConsumer } from '../stream/leader.ts';
import { CONSUMER_INACTIVE_MS } from '../stream/stream-fields.ts';

/** Where a read of the stream begins; `last` is the newest message of the subject. */
export type ReadStart =
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'time'; readonly timeMs: number }
  | { readonly kind: 'last' };

/**
 * An ephemeral pull consumer of the messages of one subject, or of all. One filter subject: an array of them hangs on 2.9.
 */
export function consumerConfig(subject: string | undefined, start: ReadStart): NamedConsumer {
  return {
    // Short, because it comes back in the reply subject of every message.
    name: randomBytes(9).toString('base64url'),
    ...(subject === undefined ? {} : { filter_subject: subject }),
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(CONSUMER_INACTIVE_MS),
    ...deliverFrom(start),
  };
}

function deliverFrom(start: ReadStart): Partial<ConsumerConfig> {
  switch (start.kind) {
    case 'seq':
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, start.seq) };
    case 'time':
      return {
        deliver_policy: DeliverPolicy.StartTime,
        opt_start_time: new Date(start.timeMs).toISOString(),
      };
    case 'last':
      return { deliver_policy: DeliverPolicy.Last };
  }
}
