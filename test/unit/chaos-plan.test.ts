import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bounded } from '../../chaos/run/bounds.ts';
import { chance } from '../../chaos/run/chance.ts';
import { faultNames, isFaultName, traitsOf } from '../../chaos/run/catalogue.ts';
import { planFor, reduced } from '../../chaos/run/options.ts';
import type { Profile } from '../../chaos/run/profiles.ts';
import { profileNames, profiles } from '../../chaos/run/profiles.ts';
import type { PlannedFault, RunPlan } from '../../chaos/record/recording.ts';
import { UsageError } from '../../common/errors.ts';

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });
const requested = fc.record({
  profile: fc.constantFrom(...profileNames),
  viewers: fc.integer({ min: 1, max: 40 }),
  durationMs: fc.integer({ min: 2_000, max: 60_000 }),
  natsCluster: fc.constantFrom(undefined, 3),
});

/** Faults on a viewer by the viewer's name, those of the backend under undefined; in order. */
function bySufferer({ faults }: RunPlan): Map<string | undefined, PlannedFault[]> {
  const groups = new Map<string | undefined, PlannedFault[]>();
  for (const fault of faults) groups.set(fault.viewer, [...(groups.get(fault.viewer) ?? []), fault]);
  return groups;
}

const kindsOf = (plan: RunPlan): Set<string> =>
  new Set(plan.faults.map(({ name }) => (isFaultName(name) ? traitsOf(name).kind : 'none')));

describe('the schedule of a chaos run', () => {
  it('is the same for the same seed', () => {
    const property = fc.property(seeds, requested, (seed, wished) => {
      assert.deepEqual(planFor('a', seed, wished, true), planFor('a', seed, wished, true));
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('is another one for another seed', () => {
    const plan = (seed: number): readonly PlannedFault[] => planFor('a', seed, { viewers: 10 }, true).faults;
    assert.notDeepEqual(plan(1), plan(2));
  });

  it('begins and ends every fault within the duration, and lets none overlap with another on the same viewer', () => {
    const property = fc.property(seeds, requested, (seed, wished) => {
      const plan = planFor('a', seed, wished, true);
      for (const faults of bySufferer(plan).values()) {
        let freeMs = 0;
        for (const { atMs, forMs } of faults) {
          assert.ok(atMs >= freeMs && atMs + forMs <= wished.durationMs);
          freeMs = atMs + forMs;
        }
      }
      assert.deepEqual(
        plan.faults.map(({ fault }) => fault),
        plan.faults.map((_, index) => index),
      );
    });
    fc.assert(property, { numRuns: 100 });
  });

  it('has only faults of its profile, and those of a cluster only with one', () => {
    const property = fc.property(seeds, requested, (seed, wished) => {
      const { each, together, pool, backend }: Profile = profiles[wished.profile];
      const allowed = [each, together, pool, backend].flatMap((mix) => Object.keys(mix?.weights ?? {}));
      const plan = planFor('a', seed, wished, true);
      for (const { name } of plan.faults) assert.ok(allowed.includes(name), name);
      if (wished.natsCluster === undefined) assert.ok(!kindsOf(plan).has('cluster'));
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('does not change for a viewer when there are more of them', () => {
    const faultsOf = (viewers: number): object[] =>
      planFor('a', 7, { profile: 'flaky-mobile', viewers }, true)
        .faults.filter(({ viewer }) => viewer === 'v3')
        .map(({ fault: _, ...rest }) => rest);
    assert.deepEqual(faultsOf(3), faultsOf(300));
    assert.ok(faultsOf(3).length > 0);
  });

  it('strikes all viewers at the same moment in a storm', () => {
    const { faults } = planFor('a', 7, { profile: 'storm', viewers: 50 }, true);
    const moments = new Map<number, number>();
    for (const { atMs } of faults) moments.set(atMs, (moments.get(atMs) ?? 0) + 1);
    assert.ok(moments.size > 1);
    assert.deepEqual([...new Set(moments.values())], [50]);
  });

  it('has every fault of the profile that means all, in a run that is long enough, even for one viewer', () => {
    const property = fc.property(seeds, fc.constantFrom(undefined, 3), (seed, natsCluster) => {
      const wished = { profile: 'everything', viewers: 1, durationMs: 600_000, natsCluster } as const;
      const planned = new Set(planFor('a', seed, wished, true).faults.map(({ name }) => name));
      const possible = faultNames.filter(
        (name) => natsCluster !== undefined || traitsOf(name).kind !== 'cluster',
      );
      assert.deepEqual([...planned].sort(), [...possible].sort());
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('has every fault on viewers in a short run of many', () => {
    const property = fc.property(seeds, (seed) => {
      const wished = { profile: 'everything', viewers: 20, durationMs: 10_000 } as const;
      const planned = new Set(planFor('a', seed, wished, true).faults.map(({ name }) => name));
      const missing = faultNames.filter((name) => traitsOf(name).kind === 'viewer' && !planned.has(name));
      assert.deepEqual(missing, []);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('has as many gateways as its profile says, unless the user says otherwise, and none of somebody else’s', () => {
    const gateways = (wished: object, own = true): number | undefined =>
      planFor('a', 7, wished, own).gateways;
    assert.equal(gateways({ profile: 'everything' }), 3);
    assert.equal(gateways({ faults: new Map([['rolling-restart', 1]]) }), 3);
    assert.equal(gateways({ profile: 'deploy' }), 2);
    assert.equal(gateways({ profile: 'everything', gateways: 4 }), 4);
    assert.equal(gateways({}, false), undefined);
  });

  it('befalls whoever shares a connection at once, also when it is reduced to the fault of one of them', () => {
    const faults = new Map([['stuck-neighbour', 1] as const]);
    const plan = planFor('a', 7, { faults, viewers: 25, durationMs: 40_000 }, true);
    const struck = [...new Set(plan.faults.map(({ viewer }) => viewer))];
    assert.deepEqual(struck.sort(), ['v1', 'v11', 'v12', 'v13', 'v2', 'v21', 'v22', 'v23', 'v3']);
    const [first] = plan.faults;
    assert.ok(first !== undefined);
    const together = reduced(plan, { faults: [String(first.fault)] }).faults;
    assert.deepEqual([...new Set(together.map(({ atMs }) => atMs))], [first.atMs]);
    assert.equal(together.length, 3);
    assert.throws(() => planFor('a', 7, { faults }, false), UsageError);
  });

  it('is the same by WebSocket, but that nobody shares a connection', () => {
    const property = fc.property(seeds, (seed) => {
      const [grpc, webSocket] = (['grpc', 'websocket'] as const).map((transport) =>
        planFor('a', seed, { transport, viewers: 20 }, true),
      );
      assert.ok(grpc !== undefined && webSocket !== undefined);
      assert.deepEqual([grpc.transport, webSocket.transport], ['grpc', 'websocket']);
      assert.ok(!kindsOf(webSocket).has('pool'));
      // The first three of each ten: others begin when the faults on what they share are over.
      const alone = (plan: RunPlan): unknown[] =>
        plan.faults
          .filter(({ viewer }) => !/^v1?[123]$/.test(viewer ?? ''))
          .map(({ fault: _, ...rest }) => rest);
      assert.deepEqual(alone(webSocket), alone(grpc));
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('chooses by weight', () => {
    const faults = new Map([['rst', 9] as const, ['stall', 1] as const]);
    const plan = planFor('a', 7, { faults, viewers: 500 }, true);
    const count = (name: string): number => plan.faults.filter((fault) => fault.name === name).length;
    assert.equal(count('rst') + count('stall'), plan.faults.length);
    assert.ok(count('rst') > 6 * count('stall') && count('stall') > 0);
  });

  it('has no backend faults when the gateways are not the tool’s own', () => {
    const plan = planFor('a', 7, {}, false);
    assert.deepEqual([...kindsOf(plan)], ['viewer']);
    assert.throws(() => planFor('a', 7, { profile: 'deploy' }, false), UsageError);
    assert.throws(() => planFor('a', 7, { faults: new Map([['nats-kill', 1]]) }, false), UsageError);
  });

  it('has faults of a cluster only where there is one', () => {
    const faults = new Map([['leader-kill', 1] as const]);
    assert.throws(() => planFor('a', 7, { faults }, true), UsageError);
    assert.ok(planFor('a', 7, { faults, natsCluster: 3 }, true).faults.length > 0);
  });

  it('remembers all that its profile has, unless it is reduced to a part', () => {
    const plan = planFor('a', 7, { viewers: 2, durationMs: 2_000 }, true);
    assert.deepEqual([...(reduced(plan, {}).wanted ?? [])].sort(), [...faultNames].sort());
    const [first] = plan.faults;
    assert.ok(first !== undefined);
    assert.deepEqual(reduced(plan, { faults: [first.name] }).wanted, [first.name]);
  });

  it('is reduced to a viewer and to faults, which keep their numbers', () => {
    const plan = planFor('a', 7, { viewers: 10 }, true);
    const alone = reduced(plan, { viewer: 'v3' });
    assert.equal(alone.onlyViewer, 'v3');
    assert.deepEqual([...new Set(alone.faults.map(({ viewer }) => viewer))].sort(), ['v3', undefined]);
    const [first] = plan.faults;
    assert.ok(first !== undefined);
    assert.deepEqual(reduced(plan, { faults: [String(first.fault)] }).faults, [first]);
    assert.ok(reduced(plan, { faults: [first.name] }).faults.every(({ name }) => name === first.name));
    assert.throws(() => reduced(plan, { viewer: 'v11' }), UsageError);
    assert.throws(() => reduced(plan, { faults: ['nothing'] }), UsageError);
  });

  it('is judged by how often its gateways are heard of', () => {
    const plan = planFor('a', 7, { viewers: 10 }, true);
    for (const heartbeatMs of [500, 1_000, 5_000, 30_000]) {
      const { isolation, truth } = bounded(plan, { heartbeatMs, own: true });
      // Silence, an unanswered probe, and the longest pause before the next attempt.
      assert.ok((isolation?.recoveryMs ?? 0) > 2 * heartbeatMs + 250 + 1_000 + 2_000);
      assert.ok((truth?.noticeMs ?? 0) > 2 * heartbeatMs);
    }
    assert.equal(bounded(plan, { heartbeatMs: 1_000, own: false }).truth, undefined);
  });

  it('draws independent numbers for each purpose', () => {
    const draw = (seed: number, purpose: string): number[] =>
      Array.from({ length: 5 }, chance(seed, purpose));
    assert.deepEqual(draw(1, 'v1'), draw(1, 'v1'));
    assert.notDeepEqual(draw(1, 'v1'), draw(1, 'v2'));
    assert.notDeepEqual(draw(1, 'v1'), draw(2, 'v1'));
  });
});
