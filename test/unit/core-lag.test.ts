import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Room } from '../../server/room/room.ts';
import type { Subscription } from '../../server/room/subscription.ts';
import { CoreGateway } from '../helpers/core-gateway.ts';
import { settle } from '../helpers/settle.ts';
import { StreamModel } from '../helpers/stream-model.ts';

/** What can happen to a room and its viewers. */
type Step =
  | { readonly kind: 'publish' | 'join' | 'recreate' }
  | { readonly kind: 'leave' | 'serve' | 'acknowledge'; readonly who: number };

const who = fc.nat({ max: 5 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('publish', 'join', 'recreate') }),
    fc.record({ kind: fc.constantFrom('leave', 'serve', 'acknowledge'), who }),
  ),
  { minLength: 1, maxLength: 60 },
);

describe('core: viewers that are behind', () => {
  let stream: StreamModel;
  let gateway: CoreGateway;

  beforeEach(() => {
    stream = new StreamModel();
    gateway = new CoreGateway(stream);
  });

  afterEach(async () => {
    gateway.close();
    await settle();
  });

  const viewerOf = (room: Room): Subscription => room.join({ wake: () => undefined }, { kind: 'live' });

  const serve = (viewer: Subscription): void => {
    while (viewer.next() !== undefined);
  };

  it('are counted as things happen: the counts are those of a look at all', async () => {
    const property = fc.asyncProperty(steps, async (happening) => {
      gateway.close();
      stream = new StreamModel();
      gateway = new CoreGateway(stream);
      const room = await gateway.hub.acquire('r');
      let viewers: Subscription[] = [];
      for (const step of happening) {
        const viewer = 'who' in step ? viewers[step.who % Math.max(1, viewers.length)] : undefined;
        if (step.kind === 'publish') stream.publish(room.name, 'gift');
        if (step.kind === 'join') viewers.push(viewerOf(room));
        if (step.kind === 'recreate') stream.recreate();
        if (viewer === undefined) {
          await settle();
        } else if (step.kind === 'leave') {
          viewer.leave();
          viewers = viewers.filter((other) => other !== viewer);
        } else if (step.kind === 'serve') {
          serve(viewer);
        } else {
          viewer.acknowledge(viewer.position.seq);
        }
        const { lagging, unacknowledged } = gateway.hub.counters;
        const { head, incarnation } = room.follower.log;
        assert.deepEqual(
          [lagging, unacknowledged],
          [
            viewers.filter((one) => one.incarnation !== incarnation.number || one.position.seq < head).length,
            viewers.filter(({ position, acknowledged }) => acknowledged < position.seq).length,
          ],
        );
      }
      for (const viewer of viewers) viewer.leave();
      assert.deepEqual([gateway.hub.counters.lagging, gateway.hub.counters.unacknowledged], [0, 0]);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('are not looked at to be counted, nor when a message makes all of them lag', async () => {
    const room = await gateway.hub.acquire('r');
    const viewers = Array.from({ length: 1_000 }, () => viewerOf(room));
    for (const viewer of viewers) serve(viewer);
    let looks = 0;
    for (const viewer of viewers) {
      const { position } = viewer;
      Object.defineProperty(viewer, 'position', { get: () => (looks++, position) });
    }
    stream.publish('r', 'gift');
    await settle();
    assert.equal(gateway.hub.counters.lagging, viewers.length);
    assert.equal(looks, 0);
  });
});
