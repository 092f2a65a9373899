import type { NamedConsumer } from '../stream/leader.ts';
import type { Decode, ReadContext } from './page-reader.ts';
import { PageReader } from './page-reader.ts';

/** Says of a message without its payload how large that is. */
const SIZE_HEADER = 'Nats-Msg-Size';

/** What is known of a message without its payload. */
export interface MessageHead {
  readonly seq: number;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** Of its payload, in bytes. */
  readonly bytes: number;
}

/**
 * The first message that a consumer has, without its payload, which may take long; undefined when it has none.
 * @throws when it does not come, and why
 */
export function readHead(context: ReadContext, config: NamedConsumer): Promise<MessageHead | undefined> {
  return context.leader.withConsumer({ ...config, headers_only: true }, async (pending) => {
    if (pending === 0) return undefined;
    const reader = new PageReader(context, { consumer: config.name, from: 0 }, 1, decodeHead);
    try {
      return (await reader.next()).messages[0];
    } finally {
      reader.close();
    }
  });
}

const decodeHead: Decode<MessageHead> = (seq, timeMs, lines) => {
  const size = lines.findLast(([name]) => name === SIZE_HEADER)?.[1];
  return { seq, timeMs, bytes: Number(size) };
};
