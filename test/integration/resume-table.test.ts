import assert from 'node:assert/strict';
import type { Cursor, From } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

/** What the gateway that is asked has of the room in its memory. */
const memories = ['everything', 'only what comes next', 'nothing'] as const;
type Memory = (typeof memories)[number];

/** What the stream holds when a viewer comes: of our room 1, 2, 4 and 5, of another one 3. */
interface Held {
  readonly epoch: string;
  /** A cursor that names a message as its viewer was told it. */
  at(seq: number): Cursor;
  /** When the stream stored a message, in milliseconds. */
  timeMs(seq: number): number;
}

interface Row {
  readonly name: string;
  readonly from: (held: Held) => From;
  /** Removes everything before this sequence from the stream. */
  readonly evictedBefore?: number;
  readonly told: readonly string[];
  /** When the gateway has everything in memory. */
  readonly toldFromMemory?: readonly string[];
}

const replay = (...lines: string[]): string[] => [...lines, 'caught up at 5'];
const cursor = (held: Held, seq: bigint, fingerprint: number): From => ({
  cursor: { epoch: held.epoch, seq, fingerprint },
});

const rows: readonly Row[] = [
  {
    name: 'the message at the cursor is held: continues after it',
    from: (held) => ({ cursor: held.at(2) }),
    told: replay('joined RESUMED at 2', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'the cursor names the newest message: nothing to replay',
    from: (held) => ({ cursor: held.at(5) }),
    told: replay('joined RESUMED at 5'),
  },
  {
    name: 'the message at the cursor is held and everything before it evicted: no gap',
    from: (held) => ({ cursor: held.at(2) }),
    evictedBefore: 2,
    told: replay('joined RESUMED at 2', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'the cursor is a position in another room: continues after it',
    from: (held) => cursor(held, 3n, 0),
    told: replay('joined RESUMED at 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined RESUMED at 3', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'the cursor is the position before the first message held: no gap',
    from: (held) => cursor(held, 3n, 0),
    evictedBefore: 4,
    told: replay('joined RESUMED at 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined RESUMED at 3', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: "the cursor is the position before another room's message, the first held: no gap",
    from: (held) => cursor(held, 2n, 0),
    evictedBefore: 3,
    told: replay('joined RESUMED at 2', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined RESUMED at 2', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'the message at the cursor is the last that was evicted: no gap',
    from: (held) => ({ cursor: held.at(2) }),
    evictedBefore: 3,
    told: replay('joined RESUMED at 2', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined RESUMED at 2', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'the cursor is the position before everything: continues with all there is',
    from: (held) => cursor(held, 0n, 0),
    told: replay(
      'joined RESUMED at 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'the message at the cursor is evicted: gap, then the first message held',
    from: (held) => ({ cursor: held.at(1) }),
    evictedBefore: 3,
    told: replay('joined GAP at 1', 'gap after 1, next 4', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay(
      'joined RESUMED at 1',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'the position is evicted: gap, then the first message held',
    from: (held) => cursor(held, 0n, 0),
    evictedBefore: 5,
    told: replay('joined GAP at 0', 'gap after 0, next 5', 'message 5 after 0'),
    toldFromMemory: replay(
      'joined RESUMED at 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'another message of the room is at the cursor: reset, continues after the same sequence',
    from: (held) => cursor(held, 2n, 12345),
    told: replay('joined RESET at 2', 'reset REWOUND to 2', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: "another room's message is at the cursor: reset, continues after the same sequence",
    from: (held) => cursor(held, 3n, 12345),
    told: replay('joined RESET at 3', 'reset REWOUND to 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay(
      'joined RESET at 3',
      'reset REWOUND to 3',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'the cursor names a message beyond the end: reset, continues at the end',
    from: (held) => cursor(held, 6n, 12345),
    told: replay('joined RESET at 6', 'reset REWOUND to 5'),
  },
  {
    name: 'the cursor is a position far beyond the end: reset, continues at the end',
    from: (held) => cursor(held, 2n ** 60n, 0),
    told: replay(`joined RESET at ${2n ** 60n}`, 'reset REWOUND to 5'),
  },
  {
    name: 'the cursor is of another epoch: reset, continues with all that is held',
    from: (held) => ({ cursor: { ...held.at(4), epoch: 'LIVE@another time' } }),
    told: replay(
      'joined RESET at 4',
      'reset RECREATED to 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'the cursor is of another epoch and the beginning evicted: reset, gap, the first message held',
    from: (held) => ({ cursor: { ...held.at(4), epoch: 'LIVE@another time' } }),
    evictedBefore: 4,
    told: replay(
      'joined RESET at 4',
      'reset RECREATED to 0',
      'gap after 0, next 4',
      'message 4 after 0',
      'message 5 after 4',
    ),
    toldFromMemory: replay(
      'joined RESET at 4',
      'reset RECREATED to 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'no cursor, live: nothing of what is held',
    from: () => 'live',
    told: replay('joined STARTED at 5'),
  },
  {
    name: 'no cursor, earliest: everything that is held',
    from: () => 'earliest',
    told: replay(
      'joined STARTED at 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'no cursor, earliest, and the beginning evicted: what is held, no gap',
    from: () => 'earliest',
    evictedBefore: 4,
    told: replay('joined STARTED at 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined STARTED at 3', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'no cursor, the last 3: whatever lies between them',
    from: () => ({ last: 3 }),
    told: replay('joined STARTED at 1', 'message 2 after 1', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'no cursor, the last 9 of 4: all of them',
    from: () => ({ last: 9 }),
    told: replay(
      'joined STARTED at 0',
      'message 1 after 0',
      'message 2 after 1',
      'message 4 after 2',
      'message 5 after 4',
    ),
  },
  {
    name: 'no cursor, since the moment of a message: from that message',
    from: (held) => ({ sinceMs: held.timeMs(4) }),
    told: replay('joined STARTED at 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined STARTED at 3', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'no cursor, since a moment to come: from now on',
    from: (held) => ({ sinceMs: held.timeMs(5) + 3_600_000 }),
    told: replay('joined STARTED at 5'),
  },
  {
    name: "no cursor, from another room's sequence: from our next message",
    from: () => ({ seq: 3n }),
    told: replay('joined STARTED at 3', 'message 4 after 0', 'message 5 after 4'),
    toldFromMemory: replay('joined STARTED at 3', 'message 4 after 2', 'message 5 after 4'),
  },
  {
    name: 'no cursor, from a sequence beyond the end: from now on',
    from: () => ({ seq: 1_000n }),
    told: replay('joined STARTED at 5'),
  },
];

describe('Resumable: the resume table', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateways: TestGateway[];

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  beforeEach(() => {
    gateways = [];
  });

  afterEach(async () => {
    for (const gateway of gateways) await gateway.close();
    await producer.hasNoConsumer();
    await producer.deleteStream();
  });

  after(async () => {
    await producer.close();
    await nats.stop();
  });

  async function startGateway(): Promise<TestGateway> {
    const gateway = await startTestGateway(nats.url, {}, { clock: quickClock });
    gateways.push(gateway);
    return gateway;
  }

  /** A viewer that keeps the room open, so that what comes is remembered. */
  async function openRoom(gateway: TestGateway): Promise<void> {
    await new Witness(gateway.client(), 'demo').caughtUp();
  }

  async function fill(): Promise<void> {
    for (const room of ['demo', 'demo', 'else', 'demo', 'demo']) {
      const nowMs = Date.now();
      await until('another millisecond has begun', () => Date.now() > nowMs, { everyMs: 1 });
      await producer.publish(room, 'hello');
    }
  }

  async function hold(gateway: TestGateway): Promise<Held> {
    const fingerprints = new Map<number, number>();
    const times = new Map<number, number>();
    const witness = new Witness(gateway.client(), 'demo', { from: 'earliest' });
    await witness.caughtUp();
    for (const message of witness.messages) {
      const seq = Number(message.seq);
      fingerprints.set(seq, message.fingerprint);
      times.set(seq, (await producer.jsm.streams.getMessage(producer.stream, { seq })).time.getTime());
    }
    const { epoch } = await producer.state();
    return {
      epoch,
      at: (seq) => ({ epoch, seq: BigInt(seq), fingerprint: fingerprints.get(seq) ?? assert.fail() }),
      timeMs: (seq) => times.get(seq) ?? assert.fail(),
    };
  }

  /** A gateway with `memory` in front of the stream, and what the stream holds. */
  async function prepare(memory: Memory): Promise<{ gateway: TestGateway; held: Held }> {
    const gateway = await startGateway();
    if (memory === 'everything') await openRoom(gateway);
    await fill();
    if (memory === 'only what comes next') await openRoom(gateway);
    const held = await hold(memory === 'everything' ? gateway : await startGateway());
    return { gateway, held };
  }

  it('a room whose viewers have gone is kept for a while: who comes back is served from memory', async () => {
    const clock = new SkippingClock();
    const gateway = await startTestGateway(nats.url, {}, { clock });
    gateways.push(gateway);
    const client = gateway.client();
    const viewer = new Witness(client, 'demo');
    await viewer.caughtUp();
    await producer.publish('demo', 'before');
    await viewer.has(1);
    const { cursor = assert.fail('no cursor') } = viewer.subscription;
    await client.close();
    await until('the viewer is gone', () => gateway.stats.sessions === 0);
    clock.skip(20_000);
    await producer.publish('demo', 'meanwhile');
    const { historyReads } = gateway.stats;
    const back = new Witness(gateway.client(), 'demo', { from: { cursor } });
    await back.caughtUp();
    clock.skip(20_000);
    await producer.publish('demo', 'after');
    await back.has(2);
    assert.deepEqual(back.payloads, ['meanwhile', 'after']);
    assert.equal(gateway.stats.historyReads, historyReads);
  });

  for (const memory of memories) {
    describe(`with ${memory} of the room in memory`, () => {
      for (const { name, from, evictedBefore, told, toldFromMemory } of rows) {
        it(name, async () => {
          const { gateway, held } = await prepare(memory);
          if (evictedBefore !== undefined) {
            await producer.jsm.streams.purge(producer.stream, { seq: evictedBefore });
          }
          const viewer = new Witness(gateway.client(), 'demo', { from: from(held) });
          await viewer.caughtUp();
          const fromMemory = memory === 'everything' ? toldFromMemory : undefined;
          assert.deepEqual(viewer.told, fromMemory ?? told);
          await producer.publish('demo', 'and on it goes');
          await viewer.hears('message 6 after 5');
        });
      }
    });
  }
});
