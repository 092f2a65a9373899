import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CoreGateway, ModelClient } from '../helpers/core-gateway.ts';
import { runs } from '../helpers/property.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** Two tokens at once, then one in 50 ms. */
const RATE = 20;
const VIEWERS = 3;

const viewer = fc.nat({ max: VIEWERS - 1 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('comment' as const), fc.integer({ min: 1, max: 8 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('gift' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('come and go' as const), viewer) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('block' as const), viewer) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('unblock' as const), viewer) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('settle' as const)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('pass' as const), fc.constantFrom(10, 50, 120, 2_500)) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A room with a tight budget and viewers of which one reads all the time. */
class World {
  readonly stream = new StreamModel();
  readonly gateway = new CoreGateway(this.stream, undefined, { ephemeralRate: RATE });
  readonly steady = new ModelClient(this.gateway, 'steady');
  readonly clients = Array.from({ length: VIEWERS }, (_, n) => new ModelClient(this.gateway, `v${n}`));
  published = 0;
  /** What had been published when each of the clients joined. */
  private readonly before = this.clients.map(() => 0);

  async begin(): Promise<void> {
    await this.steady.join('r');
    for (const client of this.clients) await client.join('r');
    await this.gateway.settle();
  }

  async apply(action: Step): Promise<void> {
    switch (action[0]) {
      case 'comment':
        for (let n = 0; n < action[1]; n++) this.comment();
        return;
      case 'gift':
        this.stream.publish('r', 'gift');
        return;
      case 'come and go': {
        const client = this.clients[action[1]]!;
        client.reconnect();
        client.told.length = 0;
        this.before[action[1]] = this.published;
        await client.join('r', { kind: 'live' });
        return;
      }
      case 'block':
        this.clients[action[1]]!.block();
        return;
      case 'unblock':
        this.clients[action[1]]!.unblock();
        return;
      case 'settle':
        await this.gateway.settle();
        return;
      case 'pass':
        await this.gateway.pass(action[1]);
        return;
    }
  }

  comment(): void {
    this.stream.ephemeral('r', `c${this.published++}`);
  }

  /** Everybody reads, and one more message, for which there is room, tells of what was sampled out before it. */
  async finish(): Promise<void> {
    for (const client of this.clients) client.unblock();
    await this.gateway.pass(200);
    this.comment();
    await this.gateway.settle();
  }

  check(): void {
    const sample = commentsOf(this.steady);
    const { ephemeralSampledOut } = this.gateway.hub.counters;
    assert.equal(sample.length + ephemeralSampledOut, this.published);
    assert.equal(sample.length + droppedOf(this.steady), this.published, 'the steady viewer');
    for (const [index, client] of this.clients.entries()) {
      const got = commentsOf(client);
      assert.deepEqual(
        got,
        sample.filter((text) => got.includes(text)),
        'of the same sample, in order',
      );
      assert.equal(got.length + droppedOf(client), this.published - this.before[index]!, client.name);
    }
  }

  async close(): Promise<void> {
    for (const client of [this.steady, ...this.clients]) client.disconnect();
    this.gateway.close();
    await this.gateway.settle();
  }
}

const toldOf = ({ told }: ModelClient, kind: 'ephemeral' | 'dropped'): string[] =>
  told.filter((line) => line.startsWith(kind)).map((line) => line.slice(kind.length + 1));
const commentsOf = (client: ModelClient): string[] => toldOf(client, 'ephemeral');
const droppedOf = (client: ModelClient): number =>
  toldOf(client, 'dropped').reduce((sum, count) => sum + Number(count), 0);

describe('Isolated: ephemeral sampling', () => {
  it('property: every viewer gets of one sample, and is told the exact number of those it did not get', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new World();
        try {
          await world.begin();
          for (const action of steps) await world.apply(action);
          await world.finish();
          world.check();
        } finally {
          await world.close();
        }
      }),
      runs(150),
    );
  });
});
