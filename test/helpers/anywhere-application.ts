import { CoreClient } from '../../client/core/client.ts';
import type { LinkHandlers, Transport } from '../../client/core/transport.ts';

/*
 * An application that is bundled for anywhere: it and what it imports may use nothing of Node's. Its gateway is in memory.
 */

const ROOM = 'demo';
const EPOCH = 'LIVE@1';
const messages = ['one', 'two', 'three', 'four'];

/** A gateway that ends each connection after two messages, so that clients have to resume. */
function forgetfulGateway(published: string[]): Transport {
  const open = (_endpoint: string, handlers: LinkHandlers) => {
    let isOpen = true;
    const say = (frame: object): void =>
      queueMicrotask(() => {
        if (isOpen) handlers.frame(frame, 1, 1);
      });
    const message = (seq: number): object => ({
      seq: String(seq),
      prevSeq: String(seq - 1),
      fingerprint: seq,
      id: '',
      type: 'gift',
      sender: '',
      timeMs: '0',
      payload: new TextEncoder().encode(messages[seq - 1]),
      headers: {},
    });
    return {
      bytesReceived: 0,
      incoming: undefined,
      send({ hello, join, publish }: Parameters<ReturnType<Transport['open']>['send']>[0]): void {
        if (hello)
          say({ welcome: { session: 's', heartbeatMs: 10_000, epoch: EPOCH, limits: { publishes: 8 } } });
        if (join) {
          const after = Number(join.cursor?.seq ?? 0);
          const cursor = { epoch: EPOCH, seq: String(after), fingerprint: join.cursor?.fingerprint ?? 0 };
          say({
            joined: {
              room: ROOM,
              cursor,
              head: '4',
              outcome: after > 0 ? 'OUTCOME_RESUMED' : 'OUTCOME_STARTED',
            },
          });
          const next = [after + 1, after + 2].filter((seq) => seq <= messages.length);
          say({ batch: { room: ROOM, reliable: next.map(message), ephemeral: [], ephemeralDropped: 0 } });
          if (after + 2 < messages.length)
            queueMicrotask(() => queueMicrotask(() => handlers.end(undefined)));
        }
        if (publish) {
          published.push(String(publish.request?.key));
          const result = { requestId: publish.requestId, published: { seq: '5', duplicate: false } };
          say({ publishResults: { results: [result] } });
        }
      },
      destroy: () => void (isOpen = false),
    };
  };
  return {
    open,
    getRoom: async () => ({
      room: ROOM,
      head: '4',
      first: '1',
      count: '4',
      audience: 1,
      epoch: EPOCH,
      state: null,
    }),
    async *pull() {
      yield {
        batch: null,
        gap: null,
        reset: null,
        end: { cursor: { epoch: EPOCH, seq: '4', fingerprint: 4 }, head: '4' },
      };
    },
    close: () => undefined,
  };
}

/** What the application has seen, in words. */
export async function run(): Promise<string[]> {
  const seen: string[] = [];
  const keys: string[] = [];
  const client = new CoreClient({
    endpoints: ['memory:1'],
    transport: forgetfulGateway(keys),
    backoff: { baseMs: 0, maxMs: 0 },
  });
  client.once('state', ({ kind: name }) => seen.push(name));
  let received = 0;
  for await (const event of client.join(ROOM, { from: 'earliest', cursorName: 'anywhere' })) {
    if (event.kind === 'joined') seen.push(`joined ${event.outcome}`);
    if (event.kind !== 'message') continue;
    seen.push(new TextDecoder().decode(event.message.payload));
    received += 1;
    if (received === messages.length) break;
  }
  const { seq } = await client.publish(ROOM, { type: 'gift', payload: 'ä rose' });
  seen.push(`published ${seq} with ${keys.length} key of ${keys[0]?.length} characters`);
  seen.push(`head ${(await client.room(ROOM)).head}`);
  for await (const event of client.pull(ROOM)) seen.push(event.kind);
  await client.close();
  return seen;
}
