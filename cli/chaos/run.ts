import { executePlan } from '../../chaos/run/execute.ts';
import type { FaultName } from '../../chaos/run/catalogue.ts';
import type { RunRequest } from '../../chaos/run/request.ts';
import { planOf } from '../../chaos/run/request.ts';
import { transports } from '../../chaos/run/transport.ts';
import { judgeRun } from '../../chaos/report/judge.ts';
import { onInterrupt } from '../interrupt.ts';
import { tellReport } from './tell-report.ts';

/** As it is on the command line. */
export interface ChaosOptions extends Omit<RunRequest, 'durationMs' | 'faults'> {
  readonly duration?: number;
  readonly fault?: ReadonlyMap<FaultName, number>;
  readonly json?: true;
}

/** Makes a run, judges it, and tells the outcome. */
export async function runChaos({
  json,
  duration: durationMs,
  fault: faults,
  ...options
}: ChaosOptions): Promise<void> {
  const { db, server } = options;
  const plan = planOf({ ...options, durationMs, faults });
  const { run, profile, viewers, transport, seed } = plan;
  const stop = new AbortController();
  const undo = onInterrupt(() => stop.abort());
  process.stderr.write(
    `run ${run}: profile ${profile}, ${viewers} viewers by ${transports[transport]}, ${plan.faults.length} faults, seed ${seed}\n`,
  );
  try {
    await executePlan(plan, { server, db, stopped: stop.signal, log: process.stderr });
  } finally {
    undo();
  }
  await tellReport(judgeRun(db, run), json);
}
