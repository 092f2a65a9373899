import { UsageError } from '../../common/errors.ts';
import type { RunPlan, RunTransport } from '../record/recording.ts';
import type { FaultName } from './catalogue.ts';
import { traitsOf } from './catalogue.ts';
import type { Reduction, RunOptions } from './plan.ts';
import { planRun, reducePlan, viewerNames } from './plan.ts';
import type { Profile, ProfileName } from './profiles.ts';
import { profiles, withFaults } from './profiles.ts';

/** A run as the command line asks for it; what is absent has a default. */
export interface RequestedRun {
  readonly profile?: ProfileName | undefined;
  readonly transport?: RunTransport | undefined;
  /** Weights by name, in place of the profile's. */
  readonly faults?: ReadonlyMap<FaultName, number> | undefined;
  readonly viewers?: number | undefined;
  readonly rooms?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly rate?: number | undefined;
  readonly ephemeralRate?: number | undefined;
  readonly natsCluster?: number | undefined;
  readonly gateways?: number | undefined;
}

/** What a run is like unless the user says otherwise. */
export const defaults = {
  viewers: 100,
  viewersPerRoom: 25,
  durationMs: 20_000,
  rate: 40,
  ephemeralRate: 40,
  gateways: 2,
  transport: 'grpc',
  /** With gateways of the tool's own, and with those of others. */
  profile: { own: 'everything', foreign: 'flaky-mobile' },
} as const;

/**
 * The plan for a run.
 * @param own whether the tool runs gateways and NATS itself
 * @throws UsageError for what cannot be
 */
export function planFor(run: string, seed: number, requested: RequestedRun, own: boolean): RunPlan {
  const { natsCluster, transport = defaults.transport } = requested;
  const profile = requested.profile ?? defaults.profile[own ? 'own' : 'foreign'];
  const named: Profile = profiles[profile];
  const mix = requested.faults === undefined ? named : withFaults(named, requested.faults);
  if (!own) refuseBackendFaults(mix, profile);
  for (const name of requested.faults?.keys() ?? []) {
    if (traitsOf(name).kind === 'cluster' && natsCluster === undefined)
      throw new UsageError(`${name} needs a cluster: --nats-cluster 3`);
    if (traitsOf(name).kind === 'pool' && transport !== 'grpc')
      throw new UsageError(`${name} needs viewers that share a connection: --transport grpc`);
  }
  const viewers = requested.viewers ?? defaults.viewers;
  const options: RunOptions = {
    run,
    seed,
    profile:
      requested.faults === undefined ? profile : `${profile} with ${[...requested.faults.keys()].join(', ')}`,
    transport,
    viewers,
    rooms: requested.rooms ?? Math.ceil(viewers / defaults.viewersPerRoom),
    durationMs: requested.durationMs ?? defaults.durationMs,
    rate: requested.rate ?? mix.rate ?? defaults.rate,
    ephemeralRate: requested.ephemeralRate ?? defaults.ephemeralRate,
    mix,
    own,
    ...(own && { gateways: requested.gateways ?? mix.gateways ?? defaults.gateways }),
    ...(natsCluster !== undefined && { natsCluster }),
  };
  return planRun(options);
}

/**
 * A part of a plan.
 * @throws UsageError if it names what the plan does not have
 */
export function reduced(plan: RunPlan, reduction: Reduction): RunPlan {
  const { viewer, faults = [] } = reduction;
  if (viewer !== undefined && !viewerNames(plan.viewers).includes(viewer))
    throw new UsageError(`there is no viewer ${viewer}: the run has v1 to v${plan.viewers}`);
  for (const wanted of faults) {
    const found = plan.faults.some(({ name, fault }) => name === wanted || String(fault) === wanted);
    if (!found) throw new UsageError(`the run has no fault "${wanted}"`);
  }
  return reducePlan(plan, reduction);
}

function refuseBackendFaults(mix: Profile, profile: string): void {
  const [name] = [mix.pool, mix.backend].flatMap((one) => Object.keys(one?.weights ?? {}));
  if (name === undefined) return;
  throw new UsageError(
    `${profile} has ${name}, which is possible only without --server: the tool then runs gateways and NATS itself`,
  );
}
