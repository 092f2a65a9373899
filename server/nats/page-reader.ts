import { randomBytes } from 'node:crypto';
import type { ConsumerConfig, Msg, NatsConnection } from 'nats';
import { AckPolicy, createInbox, DeliverPolicy, nanos } from 'nats';
import type { StoredMessage } from '../core/message.ts';
import { parseAckSubject } from './ack-subject.ts';
import type { StreamLeader } from './leader.ts';
import { headerLines } from './header-lines.ts';
import { decodeStored } from './message-codec.ts';
import { CONSUMER_INACTIVE_MS } from './stream-config.ts';

/** How much one page holds, beside the message at its beginning, which whoever reads on has had. */
const PAGE = { messages: 4096, bytes: 1024 * 1024 };
/** A pull that has not brought its page by then is given up and made again, in milliseconds. */
const PULL_EXPIRES_MS = 2_000;

/** Where a read of the stream begins. */
export type ReadStart =
  { readonly kind: 'seq'; readonly seq: number } | { readonly kind: 'time'; readonly timeMs: number };

/** An ephemeral pull consumer of one subject's messages. One filter subject: an array of them hangs on 2.9. */
export function consumerConfig(
  subject: string,
  start: ReadStart,
): Partial<ConsumerConfig> & { name: string; filter_subject: string } {
  return {
    // Short, because it comes back in the reply subject of every message.
    name: randomBytes(9).toString('base64url'),
    filter_subject: subject,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(CONSUMER_INACTIVE_MS),
    ...(start.kind === 'seq'
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, start.seq) }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(start.timeMs).toISOString() }),
  };
}

/**
 * Reads a room's messages from `from` to `last`, which the leader has said exists, or until the page is full.
 * A consumer may be served by a replica that lags: what is missing then arrives a little later.
 * @throws when the messages do not come in time
 */
export function readPage(
  nc: NatsConnection,
  leader: StreamLeader,
  room: string,
  from: number,
  last: number,
): Promise<StoredMessage[]> {
  const config = consumerConfig(leader.subjects.room(room), { kind: 'seq', seq: from });
  return leader.withConsumer(config, () => pull(nc, leader, config.name, PAGE.messages, from, last));
}

/** Pulls at most `count` messages at or after `from`, up to and including sequence `last`. */
export function pull(
  nc: NatsConnection,
  leader: StreamLeader,
  consumer: string,
  count: number,
  from: number,
  last: number,
): Promise<StoredMessage[]> {
  return new Promise((resolve, reject) => {
    const messages: StoredMessage[] = [];
    let bytes = 0;
    const inbox = createInbox();
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      settle();
    };
    const receive = (message: Msg): void => {
      if (message.reply === undefined || message.reply === '') {
        // The batch has been cut short: by its size, which is a full page, or by time.
        if (messages.length > 0) return finish(() => resolve(messages));
        throw new Error(
          `no messages from the stream: ${message.headers?.code} ${message.headers?.description}`,
        );
      }
      const { seq, timeMs } = parseAckSubject(message.reply);
      // The payload is a view of the socket's chunk, which is not used again: it lasts until the page is encoded.
      const stored = decodeStored(seq, timeMs, headerLines(message), message.data);
      messages.push(stored);
      if (seq > from) bytes += message.data.byteLength;
      if (stored.seq >= last || messages.length >= count || bytes >= PAGE.bytes) {
        finish(() => resolve(messages));
      }
    };
    const subscription = nc.subscribe(inbox, {
      callback(error, message) {
        // A throw here would kill the connection's reader without a word.
        try {
          if (error !== null) throw error;
          receive(message);
        } catch (cause) {
          const failure = cause instanceof Error ? cause : new Error(String(cause));
          finish(() => reject(failure));
        }
      },
    });
    const timer = setTimeout(
      () => finish(() => reject(new Error('the stream did not deliver in time'))),
      PULL_EXPIRES_MS + 1_000,
    );
    // The message at the beginning, one behind it, and what the server counts beside their payloads.
    const maxBytes = Math.max(PAGE.bytes, 3 * (nc.info?.max_payload ?? 0));
    const request = { batch: count, max_bytes: maxBytes, expires: nanos(PULL_EXPIRES_MS) };
    nc.publish(`${leader.api}.CONSUMER.MSG.NEXT.${leader.stream}.${consumer}`, JSON.stringify(request), {
      reply: inbox,
    });
  });
}
