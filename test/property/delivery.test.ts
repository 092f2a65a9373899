import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Place, ViewerHistory } from '../../cli/chaos/oracle/history.ts';
import type { JoinFrom } from '../../server/core/room.ts';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { runs } from '../helpers/property.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

const ROOMS = ['r', 'q'];
const VIEWERS = 3;
const GATEWAYS = 2;
/** Longer than the longest pause between two checks of a silent room. */
const QUIET_MS = 65_000;

const roomName = fc.constantFrom(...ROOMS);
const viewer = fc.nat({ max: VIEWERS - 1 });
const start: fc.Arbitrary<JoinFrom | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constant<JoinFrom>({ kind: 'live' }),
  fc.constant<JoinFrom>({ kind: 'earliest' }),
  fc.integer({ min: 1, max: 5 }).map((count): JoinFrom => ({ kind: 'last', count })),
  fc.nat({ max: 30 }).map((seq): JoinFrom => ({ kind: 'seq', seq })),
);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(fc.constant('publish' as const), roomName, fc.nat({ max: 4 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('deliver' as const), fc.nat({ max: 5 }), fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('lose' as const), fc.nat({ max: 5 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('feed' as const), fc.constantFrom('delivered', 'held')) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('join' as const), viewer, roomName, start) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('reconnect' as const), viewer, fc.nat({ max: GATEWAYS - 1 })),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('block' as const), viewer) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('let one through' as const), viewer) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('unblock' as const), viewer) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('evict' as const), fc.nat({ max: 6 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('purge' as const), roomName) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('recreate' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('leader' as const), fc.constantFrom('away', 'present')) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('leader lags' as const), fc.boolean()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('withhold answers' as const)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('answer' as const)) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('settle' as const)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(250, 3_000, 40_000)) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A stream, gateways that forget soon, and viewers that come, go, and are blocked. */
class World {
  readonly stream = new StreamModel();
  readonly clock = new ManualClock();
  readonly gateways: CoreGateway[];
  readonly clients: ModelClient[];
  private readonly purged = new Set<string>();

  constructor() {
    const limits = { roomLogBytes: 300, logBytes: 400, lingerMs: 2_000 };
    this.gateways = Array.from({ length: GATEWAYS }, () => new CoreGateway(this.stream, this.clock, limits));
    this.clients = Array.from({ length: VIEWERS }, (_, n) => new ModelClient(this.gateways[0]!, `v${n}`));
  }

  async apply(action: Step): Promise<void> {
    const { stream } = this;
    switch (action[0]) {
      case 'publish':
        for (let n = 0; n <= action[2]; n++) stream.publish(action[1], 'm');
        return;
      case 'deliver': {
        stream.deliver(action[1], action[2]);
        return;
      }
      case 'lose': {
        stream.lose(action[1]);
        return;
      }
      case 'feed':
        if (action[1] === 'delivered') stream.deliverAll();
        stream.feed = action[1];
        return;
      case 'join': {
        this.join(this.clients[action[1]]!, action[2], action[3]);
        return;
      }
      case 'reconnect': {
        this.reconnect(this.clients[action[1]]!, this.gateways[action[2]]!);
        return;
      }
      case 'block': {
        this.clients[action[1]]!.block();
        return;
      }
      case 'let one through': {
        this.clients[action[1]]!.step();
        return;
      }
      case 'unblock': {
        this.clients[action[1]]!.unblock();
        return;
      }
      case 'evict': {
        stream.evictBefore(stream.firstSeq + action[1]);
        return;
      }
      case 'purge': {
        this.purge(action[1]);
        return;
      }
      case 'recreate': {
        await this.recreate();
        return;
      }
      case 'leader':
        stream.leader = action[1];
        return;
      case 'leader lags':
        if (action[1]) stream.freezeLeader();
        else stream.thawLeader();
        return;
      case 'withhold answers': {
        stream.withholdAnswers();
        return;
      }
      case 'answer': {
        stream.answer();
        return;
      }
      case 'settle':
        return this.settle();
      case 'pass':
        // A leader lags for a moment only, and answers or fails in time.
        if (action[1] > 250) stream.thawLeader();
        if (action[1] > 250) stream.answerAll();
        return this.pass(action[1]);
    }
  }

  /** All troubles end, and everybody is given the time to get to the end. */
  async finish(): Promise<void> {
    const { stream } = this;
    stream.loseAll();
    stream.thawLeader();
    stream.feed = 'delivered';
    stream.leader = 'present';
    stream.answerAll();
    await this.pass(QUIET_MS);
    for (const client of this.clients) {
      client.unblock();
      for (const room of client.positions.keys()) if (!client.has(room)) this.join(client, room);
    }
    await this.pass(QUIET_MS);
    for (const room of ROOMS) stream.publish(room, 'last');
    await this.pass(1_000);
  }

  /** Checks what every viewer was given against what was published. */
  judge(): void {
    const { stream } = this;
    const settled = new Map<string, Place>(
      ROOMS.map((room) => [room, { epoch: stream.epoch, seq: stream.heldOf(room).at(-1) ?? 0 }]),
    );
    const viewers: ViewerHistory[] = this.clients.map(({ name, events, positions }) => ({
      viewer: name,
      events: [
        ...events,
        ...[...positions].map(([room, cursor]) => ({ kind: 'end' as const, room, atMs: 1e9, cursor })),
      ],
    }));
    assert.deepEqual(
      this.clients.flatMap(({ discontinuities }) => discontinuities),
      [],
    );
    const all = stream.stored.map(({ room, epoch, seq, content }) => {
      return { room, epoch, seq, id: content.id, atMs: 0 };
    });
    const published = all.filter(({ id }) => !this.purged.has(id));
    const unknown = all.filter(({ id }) => this.purged.has(id));
    if (viewers.every(({ events }) => [...events].length === 0)) return;
    assertGuarantees({ published, unknown, viewers, settled });
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    for (const gateway of this.gateways) gateway.close();
    await settle();
    assert.equal(this.clock.pending, 0, 'timers left behind');
    assert.equal(this.stream.feeds, 0, 'feeds left behind');
  }

  private async pass(ms: number): Promise<void> {
    const stepMs = ms > 5_000 ? 500 : 100;
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.settle();
    }
  }

  private async settle(): Promise<void> {
    for (const gateway of this.gateways) await gateway.settle();
  }

  private join(client: ModelClient, room: string, from?: JoinFrom): void {
    if (client.has(room)) return;
    // A viewer with a cursor resumes; only one without may choose.
    const chosen = client.positions.has(room) ? undefined : from;
    client.join(room, chosen).catch(() => undefined);
  }

  private reconnect(client: ModelClient, gateway: CoreGateway): void {
    client.reconnect(gateway);
    for (const room of client.positions.keys()) this.join(client, room);
  }

  /**
   * A purge leaves no trace for a viewer that stands at a mere position, not at a message: what it took may have been
   * delivered or not. What a viewer at a message is told is tested step by step.
   */
  private purge(room: string): void {
    const held = new Set(this.stream.heldOf(room));
    for (const { epoch, seq, content } of this.stream.stored) {
      if (epoch === this.stream.epoch && held.has(seq)) this.purged.add(content.id);
    }
    this.stream.purge(room);
  }

  /**
   * A feed message does not say which stream it is from. So that no number continues another stream by chance, the
   * old one's messages have arrived or are lost, nobody answers for it any more, and something of the new one arrives.
   */
  private async recreate(): Promise<void> {
    const { stream } = this;
    stream.loseAll();
    stream.thawLeader();
    stream.answerAll();
    await this.settle();
    stream.recreate();
    const { feed } = stream;
    stream.feed = 'delivered';
    for (const room of ROOMS) stream.publish(room, 'first');
    stream.feed = feed;
  }
}

describe('property: delivery', () => {
  it('whatever happens, every viewer gets every message once, in order, or is told', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const world = new World();
        for (const action of steps) await world.apply(action);
        await world.finish();
        world.judge();
        await world.close();
      }),
      runs(150),
    );
  });
});
