import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '../../common/random.ts';
import { ViewerCounts } from '../../server/cluster/viewer-counts.ts';
import { Hub } from '../../server/room/hub.ts';
import type { Room } from '../../server/room/room.ts';
import { CommandError } from '../../server/state/command-error.ts';
import { parseCommand } from '../../server/state/command.ts';
import type { RoomState } from '../../server/state/room-state.ts';
import { applyCommand, INITIAL_STATE } from '../../server/state/room-state.ts';
import { parseSnapshot } from '../../server/state/snapshot.ts';
import { LIMITS } from '../helpers/core-gateway.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { runs } from '../helpers/property.ts';
import { settle } from '../helpers/settle.ts';
import { SnapshotsInMemory } from '../helpers/snapshots-in-memory.ts';
import type { Held, Snapshot } from '../helpers/stream-model.ts';
import { StreamModel } from '../helpers/stream-model.ts';

const ROOM = 'r';
const COMMANDS: readonly (readonly [string, string])[] = [
  ['mute_all', ''],
  ['mute_all', '{"for_ms":5000}'],
  ['unmute_all', ''],
  ['room_closed', '{"reason":"over"}'],
  ['room_opened', ''],
  ['question', 'who wins?'],
  ['question_closed', ''],
  ['pin', 'a'],
  ['unpin', ''],
  ['stream_switch', 'b'],
  ['ban_user', '{"user":"ann"}'],
  ['ban_user', '{}'],
  ['unban_user', '{"user":"ann"}'],
  ['mute_user', '{"user":"bob","for_ms":1}'],
  ['set_state', '{"a":1,"b":[2]}'],
  ['set_state', '{"a":null}'],
  ['gift', 'x'],
  ['gift', 'y'],
];

type Step =
  | { readonly kind: 'publish'; readonly which: number }
  | { readonly kind: 'open' | 'close'; readonly gateway: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | {
      readonly kind:
        | 'lose-feed'
        | 'bucket-away'
        | 'bucket-slow'
        | 'bucket-back'
        | 'bucket-lost'
        | 'leader-away'
        | 'leader-back'
        | 'evict-known'
        | 'evict-all'
        | 'copy'
        | 'restore'
        | 'diverge'
        | 'recreate';
    };

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), which: fc.nat(COMMANDS.length - 1) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('open' as const, 'close' as const), gateway: fc.nat(1) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, 600, 7_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'lose-feed' as const,
        'bucket-away' as const,
        'bucket-slow' as const,
        'bucket-back' as const,
        'bucket-lost' as const,
        'leader-away' as const,
        'leader-back' as const,
        'evict-known' as const,
        'evict-all' as const,
        'copy' as const,
        'restore' as const,
        'diverge' as const,
        'recreate' as const,
      ),
    }),
  },
);

/** Two gateways on one stream and one bucket, and what the room's commands have made of it. */
class World {
  readonly #clock = new ManualClock();
  readonly #stream = new StreamModel();
  readonly #snapshots = new SnapshotsInMemory();
  readonly #hubs: readonly Hub[];
  readonly #rooms: (Room | undefined)[] = [undefined, undefined];
  /** Every message of the present history, those that have gone included. */
  #history: Held[] = [];
  #copy: { readonly snapshot: Snapshot; readonly history: Held[] } | undefined;
  /** Commands may have gone that no snapshot has. */
  #lost = false;

  constructor() {
    this.#hubs = [1, 2].map(
      (seed) =>
        new Hub(this.#stream, new ViewerCounts(`g${seed}`), this.#clock, LIMITS, undefined, {
          snapshots: this.#snapshots,
          random: seededRandom(seed),
        }),
    );
  }

  async take(taken: Step): Promise<void> {
    switch (taken.kind) {
      case 'publish': {
        const [type, text] = COMMANDS[taken.which] ?? ['gift', ''];
        this.#stream.publish(ROOM, text, [], type);
        this.#history.push(...this.#stream.stored.slice(-1));
        break;
      }
      case 'open':
        await this.#open(taken.gateway);
        break;
      case 'close':
        this.#close(taken.gateway);
        break;
      case 'pass':
        await this.#pass(taken.ms);
        break;
      case 'lose-feed':
        this.#stream.feed = 'held';
        this.#stream.publish(ROOM, 'lost', [], 'gift');
        this.#history.push(...this.#stream.stored.slice(-1));
        this.#stream.loseAll();
        this.#stream.feed = 'delivered';
        break;
      case 'bucket-away':
      case 'bucket-back':
        this.#snapshots.away = taken.kind === 'bucket-away';
        this.#snapshots.answerAll();
        break;
      case 'bucket-slow':
        this.#snapshots.withholdAnswers();
        break;
      case 'bucket-lost':
        this.#snapshots.lose();
        if (this.#stream.firstSeq > 1) this.#lost = true;
        break;
      case 'leader-away':
      case 'leader-back':
        this.#stream.leader = taken.kind === 'leader-away' ? 'away' : 'present';
        break;
      case 'evict-known': {
        const known = parseSnapshot(this.#snapshots.textOf(ROOM) ?? '')?.position;
        if (known?.epoch === this.#stream.epoch) this.#stream.evictBefore(known.seq);
        break;
      }
      case 'evict-all':
        this.#stream.evictAll();
        this.#lost = true;
        break;
      case 'copy':
        this.#copy = { snapshot: this.#stream.snapshot(), history: [...this.#history] };
        break;
      case 'restore':
        this.#restore();
        break;
      case 'diverge':
        // Before any gateway has seen that it was restored, it goes on further than it was.
        this.#restore();
        this.#stream.feed = 'held';
        for (const type of ['unmute_all', 'room_opened', 'unpin', 'question_closed', 'unban_user', 'gift']) {
          this.#stream.publish(ROOM, '{"user":"ann"}', [], type);
          this.#history.push(...this.#stream.stored.slice(-1));
        }
        this.#stream.loseAll();
        this.#stream.feed = 'delivered';
        break;
      case 'recreate':
        this.#stream.recreate();
        this.#history = [];
        break;
    }
    await settle();
  }

  #restore(): void {
    if (this.#copy === undefined || this.#copy.snapshot.epoch !== this.#stream.epoch) return;
    this.#stream.restore(this.#copy.snapshot);
    this.#history = [...this.#copy.history];
  }

  /** Lets everything come to rest, and compares what the gateways know with what the commands say. */
  async check(): Promise<void> {
    this.#snapshots.away = false;
    this.#snapshots.answerAll();
    this.#stream.leader = 'present';
    for (const hub of this.#hubs) hub.distrustFeeds();
    for (const gateway of [0, 1]) {
      await this.#pass(40_000);
      await this.#open(gateway);
    }
    for (let round = 0; round < 8; round++) await this.#pass(40_000);
    const views = this.#rooms.map((room) => room?.state?.view);
    for (const view of views) {
      assert.ok(view, 'the state is known');
      if (view.uncertain || this.#lost) continue;
      assert.deepEqual(plain(view.state), plain(this.#expected()));
    }
    for (const hub of this.#hubs) hub.close();
  }

  #expected(): RoomState {
    let state = INITIAL_STATE;
    for (const message of this.#history) {
      try {
        const command = parseCommand(message.content.type, message.content.payload, message.timeMs);
        if (command !== undefined) state = applyCommand(state, command, message);
      } catch (error) {
        assert.ok(error instanceof CommandError);
      }
    }
    return state;
  }

  async #open(gateway: number): Promise<void> {
    if (this.#rooms[gateway] !== undefined) return;
    const acquired = this.#hubs[gateway]?.acquire(ROOM).catch(() => undefined);
    await settle();
    this.#rooms[gateway] = await Promise.race([acquired, settle().then(() => undefined)]);
    if (this.#rooms[gateway] === undefined)
      void acquired?.then((room) => room && this.#hubs[gateway]?.release(room));
  }

  #close(gateway: number): void {
    const room = this.#rooms[gateway];
    if (room !== undefined) this.#hubs[gateway]?.release(room);
    this.#rooms[gateway] = undefined;
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.#clock.advance(Math.min(100, left));
      await settle();
    }
  }
}

/** With payloads as text, and nothing that is undefined. */
function plain(state: RoomState): unknown {
  const text = (value: unknown): unknown =>
    value instanceof Map
      ? [...(value as Map<string, unknown>)]
      : Buffer.isBuffer(value)
        ? value.toString()
        : value;
  return JSON.parse(JSON.stringify(state, (_key, value: unknown) => text(value)));
}

describe('Reliable: the state of a room, in random schedules', () => {
  it('is what the commands of its history have made of it, at every gateway', async function () {
    this.timeout(600_000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = new World();
        for (const taken of steps) await world.take(taken);
        await world.check();
      }),
      runs(60),
    );
  });
});
