import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  From,
  LiveClient,
  LiveError,
  OutgoingMessage,
  PullEvent,
  RoomEvent,
} from '../../client/index.ts';
import type { Namespace } from '../../server/policy/namespace.ts';
import { NO_POLICY } from '../../server/policy/namespace.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { postJson } from '../helpers/post-json.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET, token } from '../helpers/tokens.ts';
import { grpc, webSocket } from '../helpers/transports.ts';

const HTTP = { http: { host: '127.0.0.1', port: 0 } };

const NAMESPACES: readonly Namespace[] = [
  {
    ...NO_POLICY,
    rooms: 'quiz-*',
    types: {
      gift: { deliveryClass: 'RELIABLE', moderatorsOnly: false },
      answer: { deliveryClass: 'EPHEMERAL', moderatorsOnly: false },
      verdict: { deliveryClass: 'RELIABLE', moderatorsOnly: true },
    },
    maxPayload: 10,
  },
  { ...NO_POLICY, rooms: 'short', historyMessages: 2 },
  { ...NO_POLICY, rooms: 'brief', historyAgeMs: 60_000 },
  { ...NO_POLICY, rooms: 'live-only', historyMessages: 0 },
  { ...NO_POLICY, rooms: 'calm', userPublishRate: 0.001, roomEphemeralRate: 0.002 },
];

describe('a gateway with namespaces', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let directory: TempDir;
  let jwtSecretFile: string;
  let clock: SkippingClock;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    directory = await tempDir();
    jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
  });

  after(async () => {
    await producer.close();
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    await gateway.close();
    await producer.deleteStream();
  });

  async function start(overrides: Parameters<typeof startTestGateway>[1] = {}): Promise<void> {
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { ...HTTP, namespaces: NAMESPACES, ...overrides }, { clock });
  }

  /** What comes of a message that is published over HTTP: a status, and a reason if it is refused. */
  async function overHttp(room: string, message: object, bearer?: string): Promise<string> {
    const options = bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } };
    const { status, body } = await postJson(
      `http://${gateway.http}/v1/rooms/${room}/messages`,
      message,
      options,
    );
    return `${status} ${(body as { reason?: string }).reason ?? ''}`.trim();
  }

  /** The same by our client: ok, or a reason. */
  async function byClient(client: LiveClient, room: string, message: OutgoingMessage): Promise<string> {
    try {
      await client.publish(room, message, { timeoutMs: 5_000 });
      return 'ok';
    } catch (error) {
      return (error as LiveError).reason;
    }
  }

  /** What a viewer gets from a start, until it has caught up. */
  async function payloads(events: AsyncIterable<RoomEvent | PullEvent>): Promise<string[]> {
    const got: string[] = [];
    try {
      for await (const event of events) {
        if (event.kind === 'message') got.push(Buffer.from(event.message.payload).toString());
        if (event.kind === 'caught-up') break;
      }
    } catch (error) {
      return [(error as LiveError).reason];
    }
    return got;
  }

  it('takes the types that they name, in their class, and no other', async () => {
    await start();
    assert.equal(await overHttp('quiz-1', { type: 'answer', payload: 'b' }), '200');
    assert.equal(await overHttp('quiz-1', { type: 'gift', payload: 'rose' }), '200');
    assert.equal(await overHttp('quiz-1', { type: 'comment', payload: 'hi' }), '400 TYPE_UNKNOWN');
    assert.equal(await overHttp('quiz-1', { type: 'constructor', payload: 'x' }), '400 TYPE_UNKNOWN');
    assert.equal(
      await overHttp('quiz-1', { type: 'answer', class: 'reliable', payload: 'b' }),
      '400 CLASS_CONFLICT',
    );
    assert.equal(await overHttp('other', { type: 'comment', payload: 'hi' }), '200');
    assert.equal(await overHttp('other', { type: 'answer', payload: 'b' }), '400 TYPE_UNKNOWN');
  });

  it('stores what they call reliable, and tells viewers the class of what they do not', async () => {
    await start();
    const events = gateway.client().join('quiz-class')[Symbol.asyncIterator]();
    const next = async (kind: RoomEvent['kind']): Promise<RoomEvent> => {
      for (;;) {
        const { value, done } = await events.next();
        assert.ok(done !== true);
        if (value.kind === kind) return value;
      }
    };
    await next('caught-up');
    await overHttp('quiz-class', { type: 'answer', payload: 'b' });
    const event = await next('ephemeral');
    assert.equal(event.kind === 'ephemeral' && event.message.type, 'answer');
  });

  for (const transport of [grpc, webSocket])
    it(`holds publishers by ${transport.name} to all of it`, async () => {
      await start({ jwtSecretFile });
      const endpoints = [transport.endpointAt(transport.addressOf(gateway))];
      const as = (role: string): LiveClient =>
        gateway.client({ endpoints, token: token({ sub: role, roles: [role] }) });
      const [publisher, moderator] = [as('publisher'), as('moderator')];
      const verdict = { type: 'verdict', class: 'RELIABLE', payload: 'b' } as const;
      assert.equal(await byClient(publisher, 'quiz-1', verdict), 'NOT_PERMITTED');
      assert.equal(await byClient(moderator, 'quiz-1', verdict), 'ok');
      assert.equal(
        await byClient(publisher, 'quiz-1', { type: 'gift', payload: '12345678901' }),
        'PAYLOAD_TOO_LARGE',
      );
      assert.equal(await byClient(publisher, 'other', { type: 'gift', payload: '12345678901' }), 'ok');
      assert.equal(await byClient(publisher, 'quiz-1', { type: 'like', payload: '' }), 'TYPE_UNKNOWN');
      assert.equal(
        await byClient(publisher, 'quiz-1', { type: 'answer', class: 'RELIABLE', payload: '' }),
        'CLASS_CONFLICT',
      );
    });

  it('asks over HTTP, too, for who moderates the room', async () => {
    await start({ jwtSecretFile });

    const bearer = token({ sub: 'ann', rooms: ['quiz-2'], allow: ['publish:*', 'moderate'] });
    const verdict = { type: 'verdict', payload: 'b' };
    const told = [
      await overHttp('quiz-2', verdict, bearer),
      await overHttp('quiz-2', verdict, token({ sub: 'bob', roles: ['publisher'] })),
    ];
    assert.deepEqual(told, ['200', '403 NOT_PERMITTED']);
  });

  it('counts what each user publishes in a room, and all together of what is ephemeral', async () => {
    await start({ jwtSecretFile });
    const tally = async (count: number, user: string, room: string, type: string): Promise<string[]> => {
      const bearer = token({ sub: user, roles: ['publisher'] });
      const told: string[] = [];
      for (let n = 0; n < count; n++) told.push(await overHttp(room, { type, payload: 'x' }, bearer));
      return told;
    };
    const counts = (told: readonly string[]): number[] =>
      ['200', '429 RATE_LIMITED'].map((what) => told.filter((one) => one === what).length);
    // One may come now, and the next in so many seconds.
    assert.deepEqual(counts(await tally(2, 'ann', 'calm', 'gift')), [1, 1]);
    assert.deepEqual(counts(await tally(2, 'ann', 'other', 'gift')), [2, 0]);
    assert.deepEqual(counts(await tally(1, 'bob', 'calm', 'like')), [1, 0]);
    assert.deepEqual(counts(await tally(1, 'cat', 'calm', 'like')), [0, 1]);
    assert.deepEqual(counts(await tally(1, 'cat', 'calm', 'gift')), [1, 0]);
    clock.skip(500_000);
    assert.deepEqual(counts(await tally(1, 'dog', 'calm', 'like')), [1, 0]);
    assert.deepEqual(counts(await tally(1, 'eve', 'calm', 'like')), [0, 1]);
  });

  for (const transport of [grpc, webSocket])
    it(`offers viewers by ${transport.name} as much history as they say, and cursors all of it`, async () => {
      await start();
      await producer.burst('short', ['a', 'b', 'c', 'd']);
      await producer.burst('live-only', ['a']);
      const client = gateway.client({ endpoints: [transport.endpointAt(transport.addressOf(gateway))] });
      const from = (room: string, start: From) => payloads(client.join(room, { from: start }));
      assert.deepEqual(await from('short', 'earliest'), ['c', 'd']);
      assert.deepEqual(await from('short', { last: 3 }), ['c', 'd']);
      assert.deepEqual(await from('short', { last: 1 }), ['d']);
      assert.deepEqual(await from('short', { sinceMs: 0 }), ['c', 'd']);
      assert.deepEqual(await from('live-only', 'earliest'), ['START_INVALID']);
      assert.deepEqual(await from('live-only', 'live'), []);
    });

  it('offers no more to pulls, events and pages', async () => {
    await start();
    await producer.burst('short', ['a', 'b', 'c', 'd']);
    assert.deepEqual(await payloads(gateway.client().pull('short', { from: 'earliest' })), ['c', 'd']);
    assert.deepEqual(await payloads(gateway.client().pull('short', { from: { afterSeq: 0n } })), [
      'a',
      'b',
      'c',
      'd',
    ]);
    const url = `http://${gateway.http}/v1/rooms/short`;
    const page = (await (await fetch(`${url}/messages?from=earliest`)).json()) as {
      messages: { payload: string }[];
    };
    assert.deepEqual(
      page.messages.map(({ payload }) => payload),
      ['c', 'd'],
    );
    const source = new HandEventSource(`${url}/events?from=earliest`);
    await source.next('caught-up');
    assert.deepEqual(
      source.all('message').map(({ data }) => data['payload']),
      ['c', 'd'],
    );
    source.close();
  });

  it('offers no more than so long ago', async () => {
    await start();
    await producer.burst('brief', ['old']);
    const client = gateway.client();
    assert.deepEqual(await payloads(client.join('brief', { from: 'earliest' })), ['old']);
    clock.skip(120_000);
    assert.deepEqual(await payloads(client.join('brief', { from: 'earliest' })), []);
    assert.deepEqual(await payloads(client.join('brief', { from: { last: 5 } })), []);
    assert.deepEqual(await payloads(client.join('brief', { from: { sinceMs: 1 } })), []);
  });
});
