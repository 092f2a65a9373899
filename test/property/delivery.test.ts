import fc from 'fast-check';
import type { From } from '../../client/index.ts';
import { runs } from '../helpers/property.ts';
import type { Step } from '../helpers/simulated-world.ts';
import { ROOMS, SimulatedWorld, VIEWERS } from '../helpers/simulated-world.ts';

const room = fc.constantFrom(...ROOMS);
const viewer = fc.nat({ max: VIEWERS - 1 });
const from: fc.Arbitrary<From> = fc.oneof(
  fc.constant<From>('live'),
  fc.constant<From>('earliest'),
  fc.integer({ min: 1, max: 5 }).map((last): From => ({ last })),
  fc.nat({ max: 30 }).map((seq): From => ({ seq: BigInt(seq) })),
);
/** One or two messages that fill a page each, and a few times a frame. */
const oversized = fc.constantFrom(100, 100, 100, 70_000);

/** The name of a step, and then what it is done to. */
function named<N extends Step[0], A extends unknown[]>(
  weight: number,
  name: N,
  ...rest: { [K in keyof A]: fc.Arbitrary<A[K]> }
): fc.WeightedArbitrary<[N, ...A]> {
  return { weight, arbitrary: fc.tuple(fc.constant(name), ...rest) as fc.Arbitrary<[N, ...A]> };
}

const noticed = fc.constantFrom('by the feed' as const, 'by a check' as const);
/** Everybody is somewhere when it begins. */
const beginning: fc.Arbitrary<Step[]> = fc
  .tuple(...Array.from({ length: VIEWERS }, () => fc.tuple(fc.subarray(ROOMS, { minLength: 1 }), from)))
  .map((viewers) =>
    viewers.flatMap(([rooms, start], n) => rooms.map((name): Step => ['join', n, name, start])),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  named(10, 'publish', room, fc.nat({ max: 4 })),
  named(2, 'publish oversized', room, fc.integer({ min: 1, max: 3 }), oversized),
  named(4, 'deliver', fc.nat({ max: 5 }), fc.boolean()),
  named(3, 'lose', fc.nat({ max: 5 })),
  named(4, 'feed', fc.constantFrom('delivered' as const, 'held' as const)),
  named(3, 'join', viewer, room, from),
  named(6, 'stall', viewer),
  named(3, 'let one through', viewer),
  named(3, 'flow', viewer),
  named(1, 'half-open', viewer),
  named(2, 'cut', viewer),
  named(2, 'go away', viewer),
  named(2, 'dawdle', viewer),
  named(2, 'sip', viewer),
  named(2, 'hasten', viewer),
  named(1, 'restart', viewer, fc.constantFrom('clean' as const, 'killed' as const)),
  named(3, 'evict', fc.nat({ max: 6 })),
  named(1, 'purge', room, fc.nat({ max: 3 })),
  named(1, 'delete', fc.nat({ max: 8 })),
  named(2, 'back up'),
  named(3, 'rewind', fc.integer({ min: 1, max: 10 }), noticed),
  named(1, 'recreate'),
  named(1, 'stream', fc.constantFrom('missing' as const, 'back' as const)),
  named(2, 'short pages', fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 3 })),
  named(2, 'leader', fc.constantFrom('away' as const, 'present' as const)),
  named(2, 'leader lags', fc.boolean()),
  named(2, 'withhold answers'),
  named(4, 'answer'),
  named(6, 'settle'),
  named(3, 'pass', fc.constantFrom(250, 3_000, 40_000)),
);

/** A rewind that finds a viewer behind, and lets it go on before or after the gateway has noticed. */
const rewindUnderViewer = fc
  .tuple(
    viewer,
    room,
    fc.constantFrom(['stall', 'flow'] as const, ['dawdle', 'hasten'] as const),
    fc.constantFrom(0, 250),
    fc.integer({ min: 1, max: 8 }),
    noticed,
    fc.constantFrom(0, 3_000),
  )
  .map(([who, where, [stop, go], beforeMs, by, how, afterMs]): Step[] => [
    [stop, who],
    ['publish', where, 0],
    ['settle'],
    ['publish', where, 5],
    ['pass', beforeMs],
    ['rewind', by, how],
    ['pass', afterMs],
    [go, who],
    ['settle'],
  ]);
const incident: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 25, arbitrary: step.map((one) => [one]) },
  { weight: 1, arbitrary: rewindUnderViewer },
);

describe('Ordered, Unique, Reliable, Resumable, Bookmarked: delivery', () => {
  it('whatever happens, every viewer gets every message once, in order, or is told', async () => {
    await fc.assert(
      fc.asyncProperty(
        beginning,
        fc.array(incident, { minLength: 20, maxLength: 100 }),
        fc.boolean(),
        async (joins, incidents, endsUnseen) => {
          const world = new SimulatedWorld();
          world.stream.endsUnseen = endsUnseen;
          for (const action of [...joins, ...incidents.flat()]) await world.apply(action);
          await world.finish();
          await world.judge();
        },
      ),
      runs(300),
    );
  });
});
