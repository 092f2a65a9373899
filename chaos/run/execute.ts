import type { WriteStream } from 'node:tty';
import { openRecorder } from '../record/recorder.ts';
import type { RunPlan } from '../record/recording.ts';
import type { Backend } from './backend/backend.ts';
import { connectForeignBackend } from './backend/foreign-backend.ts';
import { OwnBackend } from './backend/own-backend.ts';
import { bounded } from './bounds.ts';
import { defaults } from './options.ts';
import type { Progress } from './progress.ts';
import { runPlan } from './run.ts';
import { Status } from './status.ts';

/** Where a run takes place, and who is told of it. */
export interface ExecuteOptions {
  /** Somebody else's gateways; undefined: the tool's own, for as long as the run lasts. */
  readonly server: readonly string[] | undefined;
  /** Database to record it in. */
  readonly db: string;
  /** Ends the run early, in order. */
  readonly stopped: AbortSignal;
  /** Shows how it goes. */
  readonly log: WriteStream;
}

/**
 * Does what a plan says, and records it.
 * @throws when gateways cannot be had, viewers cannot begin, or either end by themselves
 */
export async function executePlan(schedule: RunPlan, options: ExecuteOptions): Promise<void> {
  const backend = await backendFor(schedule, options.server);
  try {
    await record(bounded(schedule, backend), backend, options);
  } finally {
    await backend.close();
  }
}

async function record(plan: RunPlan, backend: Backend, { db, stopped, log }: ExecuteOptions): Promise<void> {
  const recorder = openRecorder(db);
  const status = new Status(log);
  let stallMs = 0;
  const onProgress = (progress: Progress): void => {
    stallMs = progress.longestStallMs;
    status.show(progress);
  };
  try {
    await runPlan(plan, { backend, recorder, stopped, onProgress });
    // A run that failed is not brought to an end: what there is of it is marked so.
    recorder.close();
  } finally {
    status.clear();
  }
  if (stallMs > 0) {
    log.write(
      `Event loops of the tool stalled for up to ${(stallMs / 1_000).toFixed(1)} s: that many viewers or messages are too much for this machine.\n`,
    );
  }
}

function backendFor(plan: RunPlan, server: readonly string[] | undefined): Promise<Backend> {
  if (server !== undefined) return connectForeignBackend(server);
  const { gateways = defaults.gateways, natsCluster: natsServers = 1, transport } = plan;
  return OwnBackend.start({ gateways, natsServers, transport });
}
