import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { GuaranteeName, ViolationKind } from '../../chaos/oracle/verdict.ts';
import type { Cursor, CursorStore, LiveClient, MessageEvent, RoomEvent } from '../../client/index.ts';
import { MemoryCursorStore } from '../../client/index.ts';
import { anyCluster } from '../../client/core/places.ts';
import type { Message as WireMessage } from '../../protos/gen/live/v1/Message.ts';
import { messageId } from '../../protos/vocabulary.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { EventDefect, FrameDefect } from '../helpers/defective-builds.ts';
import { DefectiveClient, defectiveTransport, messageDefect } from '../helpers/defective-builds.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { recordRun } from '../helpers/recorded.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Where a defect is; made anew for each run, because most count what they have seen. */
interface Build {
  readonly frames?: FrameDefect;
  readonly events?: EventDefect;
  readonly cursorStore?: CursorStore;
}

interface Defect {
  readonly name: string;
  readonly build: () => Build;
  /** All that the verdict is to find. */
  readonly found: readonly (readonly [GuaranteeName, ViolationKind])[];
}

/** The message that defects concern: it comes in the first replay, and others come before and after it. */
const VICTIM = 3;

/** A defective gateway forges what is left, so that the client has nothing to notice. */
const gateways: readonly Defect[] = [
  {
    name: 'drops a message',
    build: () => ({ frames: dropping() }),
    found: [['Reliable', 'lost']],
  },
  {
    name: 'repeats a message under a sequence of another room',
    build: () => ({
      frames: messageDefect((message, number) => {
        if (number !== VICTIM) return [message];
        return [message, { ...message, seq: String(BigInt(message.seq) + 1n), prevSeq: message.seq }];
      }),
    }),
    found: [
      ['Unique', 'duplicated'],
      ['Reliable', 'phantom'],
    ],
  },
  {
    name: 'swaps two messages, each under the sequence of the other',
    build: () => ({ frames: swapping() }),
    found: [['Reliable', 'altered']],
  },
  {
    name: 'hides that retention has overtaken a cursor',
    build: () => ({ frames: hidingGap() }),
    found: [['Reliable', 'lost']],
  },
  {
    name: 'moves a cursor back',
    build: () => ({ frames: movingBack() }),
    found: [
      ['Reliable', 'signalled-gap'],
      ['Resumable', 'cursor-regression'],
      ['Bookmarked', 'cursor-regression'],
    ],
  },
];

const clients: readonly Defect[] = [
  {
    name: 'drops a message',
    build: () => ({ events: onMessage(() => []) }),
    found: [
      ['Reliable', 'lost'],
      ['Reliable', 'silent-gap'],
    ],
  },
  {
    name: 'repeats a message',
    build: () => ({ events: onMessage((event) => [event, event]) }),
    found: [['Unique', 'duplicated']],
  },
  {
    name: 'swaps two messages',
    build: () => {
      const held: RoomEvent[] = [];
      const hold = onMessage((event) => {
        held.push(event);
        return [];
      });
      return { events: (event) => [...hold(event), ...(held[0] === event ? [] : held.splice(0))] };
    },
    found: [['Ordered', 'reordered']],
  },
  {
    name: 'hides a gap',
    build: () => ({ events: (event) => (event.kind === 'gap' ? [] : [event]) }),
    found: [
      ['Reliable', 'lost'],
      ['Resumable', 'not-resumed'],
    ],
  },
  {
    name: 'tells a place before the one that was reached',
    build: () => ({
      events: (event) =>
        event.kind === 'caught-up' ? [{ ...event, cursor: { ...event.cursor, seq: 1n } }] : [event],
    }),
    found: [['Bookmarked', 'cursor-regression']],
  },
  {
    name: 'keeps a cursor from before the last message that was handled',
    build: () => ({ cursorStore: new LaggingStore() }),
    found: [['Resumable', 'cursor-regression']],
  },
];

describe('planted defects', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let directory: TempDir;
  let viewers: LiveClient[];

  before(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    directory = await tempDir();
  });

  beforeEach(() => {
    viewers = [];
  });

  afterEach(() => Promise.all(viewers.map((viewer) => viewer.close())));

  after(async () => {
    await producer.close();
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  /**
   * Records a run: a viewer gets a replay, its process ends, retention overtakes its cursor, and a new process goes
   * on from there on another gateway, which remembers nothing of what is gone.
   */
  async function record(run: string, db: string, build: Build): Promise<void> {
    const { frames, events = (event: RoomEvent) => [event], cursorStore = new MemoryCursorStore() } = build;
    const transport = frames && defectiveTransport(frames);
    await using earlier = await startTestGateway(nats.url);
    const publisher = earlier.client();
    const recorder = new RunRecorder();
    let published = 0;
    let expected = false;

    const publish = async (count: number): Promise<void> => {
      for (const end = published + count; published < end; published++) {
        const message = { type: 'gift', sender: 'tester', key: String(published), payload: 'a rose' };
        const { seq } = await publisher.publish(run, message);
        recorder.acknowledged(run, seq, { id: messageId(run, message.sender, message.key) });
        // Leaves a sequence between that is not the room's.
        await publisher.publish('another-room', { type: 'gift', payload: 'a rose' });
      }
    };
    const viewer = (endpoint: string): LiveClient => {
      const options = { endpoints: [endpoint], cursorStore, ...(transport && { transport }) };
      const client = new DefectiveClient(options, events);
      viewers.push(client);
      return client;
    };

    await publish(5);
    const first = viewer(earlier.address);
    const join = { from: 'earliest', cursorName: 'mine' } as const;
    const recording = recorder.follow(first, run, { viewer: 'v1', join, expected: () => expected });
    const kinds = (): string[] => recording.events.map(({ kind }) => kind);
    await until('the replay is over', () => kinds().includes('caught-up'));
    await first.close();
    await recording.restarted('clean', await cursorStore.load('mine', run, anyCluster));

    await publish(5);
    expected = true;
    const { last_seq: head } = (await producer.jsm.streams.info(producer.stream)).state;
    await producer.jsm.streams.purge(producer.stream, { seq: head - 3 });
    await using later = await startTestGateway(nats.url);
    recording.follow(viewer(later.address));
    await until('the second replay is over', () => kinds().at(-1) === 'caught-up');
    await publish(5);
    const history = await recorder.finish(publisher);
    recordRun(db, { ...history, unknown: [] }, { plan: { run, viewers: 1 } });
  }

  /** What `live-cli report` says of a recorded run, and its exit code. */
  async function report(
    run: string,
    db: string,
  ): Promise<{ verdict: unknown; found: string[]; code: number }> {
    const cli = new RunningCli(['report', run, '--db', db, '--json'], directory.path);
    const code = await cli.exit();
    assert.equal(cli.objects.length, 1, cli.stderr);
    const { verdict, offences } = cli.objects[0] as {
      verdict: unknown;
      offences: { guarantee: string; kind: string }[];
    };
    return { verdict, found: offences.map(({ guarantee, kind }) => `${guarantee}: ${kind}`).sort(), code };
  }

  const judge = async (run: string, build: Build): ReturnType<typeof report> => {
    const db = join(directory.path, 'chaos.db');
    await record(run, db, build);
    return report(run, db);
  };

  it('are what makes the run fail: without one it passes', async () => {
    assert.deepEqual(await judge('sound', {}), { verdict: 'pass', found: [], code: 0 });
  });

  for (const [kind, defects] of Object.entries({ gateway: gateways, client: clients })) {
    for (const [index, { name, build, found }] of defects.entries()) {
      it(`are found and named: a ${kind} that ${name}`, async () => {
        assert.deepEqual(await judge(`${kind}-${index}`, build()), {
          verdict: 'fail',
          found: found.map(([guarantee, violation]) => `${guarantee}: ${violation}`).sort(),
          code: 1,
        });
      });
    }
  }
});

function dropping(): FrameDefect {
  let dropped: WireMessage | undefined;
  return messageDefect((message, number) => {
    if (number === VICTIM) {
      dropped = message;
      return [];
    }
    return [message.prevSeq === dropped?.seq ? { ...message, prevSeq: dropped.prevSeq } : message];
  });
}

function swapping(): FrameDefect {
  let held: WireMessage | undefined;
  return messageDefect((message, number) => {
    if (number === VICTIM) {
      held = message;
      return [];
    }
    if (held === undefined) return [message];
    const earlier = held;
    held = undefined;
    return [inPlaceOf(earlier, message), inPlaceOf(message, earlier)];
  });
}

/** A message as if it were stored where another one is. */
function inPlaceOf({ seq, prevSeq, fingerprint }: WireMessage, message: WireMessage): WireMessage {
  return { ...message, seq, prevSeq, fingerprint };
}

function hidingGap(): FrameDefect {
  let hidden = false;
  const chained = messageDefect((message) => [hidden ? { ...message, prevSeq: '0' } : message]);
  return (frame) => {
    if (frame.gap) {
      hidden = true;
      return [];
    }
    if (frame.joined?.outcome === 'OUTCOME_GAP')
      return [{ ...frame, joined: { ...frame.joined, outcome: 'OUTCOME_RESUMED' } }];
    return chained(frame);
  };
}

/** Says after the first replay that the viewer stands at the first sequence. */
function movingBack(): FrameDefect {
  let moved = false;
  return (frame) => {
    const { caughtUp } = frame;
    if (moved || !caughtUp?.cursor) return [frame];
    moved = true;
    const cursor = { ...caughtUp.cursor, seq: '1', fingerprint: 0 };
    const { room } = caughtUp;
    return [frame, { frame: 'gap', gap: { room, after: '1', next: '2', cause: 'CAUSE_RETENTION', cursor } }];
  };
}

/** A defect in what becomes of the victim. */
function onMessage(defect: (event: MessageEvent) => RoomEvent[]): EventDefect {
  let number = 0;
  return (event) => {
    if (event.kind !== 'message') return [event];
    number += 1;
    return number === VICTIM ? defect(event) : [event];
  };
}

/** Keeps the place before the one it was given last. */
class LaggingStore extends MemoryCursorStore {
  readonly #last = new Map<string, Cursor>();

  override save(name: string, room: string, cursor: Cursor): void {
    const before = this.#last.get(room);
    if (before?.seq === cursor.seq) return;
    this.#last.set(room, cursor);
    if (before !== undefined) super.save(name, room, before);
  }
}
