import { randomInt } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import { UsageError } from '../../common/errors.ts';
import { RecordingError } from '../record/database.ts';
import type { RunPlan } from '../record/recording.ts';
import { loadPlan } from '../record/runs.ts';
import type { RequestedRun } from './options.ts';
import { planFor, reduced } from './options.ts';
import { transportOf } from './transport.ts';

/** A run as somebody asks for it: a new one, or one like a recorded one, or a part of either. */
export interface RunRequest extends RequestedRun {
  /** Somebody else's gateways, host:port or ws://host:port each; absent: the tool runs its own. */
  readonly server?: readonly string[] | undefined;
  /** Absent: a random one. */
  readonly seed?: number | undefined;
  /** Database of recorded runs. */
  readonly db: string;
  /** Name of the recorded run whose schedule it has. */
  readonly replay?: string | undefined;
  /** Of the schedule, only this viewer, and faults of these names or numbers. */
  readonly onlyViewer?: string | undefined;
  readonly onlyFault?: readonly string[] | undefined;
}

/** What a recorded plan has decided already, as the user calls it. */
const decidedByReplay = {
  viewers: 'viewers',
  rooms: 'rooms',
  durationMs: 'duration',
  rate: 'rate',
  ephemeralRate: 'ephemeralRate',
  profile: 'profile',
  transport: 'transport',
  faults: 'fault',
  seed: 'seed',
  gateways: 'gateways',
  natsCluster: 'natsCluster',
} as const satisfies Partial<Record<keyof RunRequest, string>>;

/**
 * The plan of the run that is asked for.
 * @throws UsageError for what cannot be
 */
export function planOf(request: RunRequest, clock: Clock = systemClock): RunPlan {
  const { server, replay, onlyViewer: viewer, onlyFault: faults, natsCluster, gateways } = request;
  if (server !== undefined && natsCluster !== undefined)
    throw new UsageError('--nats-cluster is for NATS servers of its own: leave --server out');
  if (server !== undefined && gateways !== undefined)
    throw new UsageError('--gateways is for gateways of its own: leave --server out');
  const plan = replay === undefined ? newPlan(request, clock) : recordedPlan(replay, request, clock);
  const backendFault = plan.faults.find((fault) => fault.viewer === undefined);
  if (server !== undefined) transportOf(server, plan.transport);
  if (server !== undefined && backendFault !== undefined)
    throw new UsageError(`${backendFault.name} strikes gateways and NATS of its own: leave --server out`);
  return reduced(plan, { viewer, faults });
}

function newPlan(request: RunRequest, clock: Clock): RunPlan {
  const { seed = randomInt(0xffff_ffff), server } = request;
  const transport = server === undefined ? request.transport : transportOf(server, request.transport);
  return planFor(newRunName(seed, clock), seed, { ...request, transport }, server === undefined);
}

function recordedPlan(replay: string, request: RunRequest, clock: Clock): RunPlan {
  const names = Object.keys(decidedByReplay) as (keyof typeof decidedByReplay)[];
  const decided = names.find((name) => request[name] !== undefined);
  if (decided !== undefined)
    throw new UsageError(`with --replay, the recorded run decides the ${decidedByReplay[decided]}`);
  try {
    const plan = loadPlan(request.db, replay);
    return { ...plan, run: newRunName(plan.seed, clock) };
  } catch (error) {
    if (error instanceof RecordingError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Begins the names of its rooms, so that no two runs share one. */
function newRunName(seed: number, clock: Clock): string {
  return `${new Date(clock.wallMs()).toISOString().replaceAll(/[-:.Z]/g, '')}-${seed}`;
}
