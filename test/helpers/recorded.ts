import type { History } from '../../chaos/oracle/history.ts';
import { openRecorder } from '../../chaos/record/recorder.ts';
import type { AppliedFault, RunPlan, ViewerTotals } from '../../chaos/record/recording.ts';

/** What a recording holds of a run beside its history. */
export interface RunDetails {
  readonly plan?: Partial<RunPlan>;
  readonly faults?: readonly AppliedFault[];
  readonly totals?: readonly ViewerTotals[];
  readonly historyReads?: number;
}

/** A plan of one room without faults. */
export function runPlan(details: Partial<RunPlan> = {}): RunPlan {
  return {
    run: 'r1',
    seed: 7,
    profile: 'flaky-mobile',
    transport: 'grpc',
    viewers: 1,
    rooms: 1,
    durationMs: 1_000,
    rate: 10,
    ephemeralRate: 0,
    faults: [],
    ...details,
  };
}

/** Records a history at once, the events of each viewer a few at a time; returns its plan. */
export function recordRun(path: string, history: History, details: RunDetails = {}): RunPlan {
  const plan = runPlan(details.plan);
  const recorder = openRecorder(path);
  try {
    recorder.plan(plan);
    for (const message of history.published) recorder.published(message);
    for (const message of history.unknown ?? []) recorder.unknown(message);
    for (const outage of history.outages ?? []) recorder.outage(outage);
    for (const { viewer, events } of history.viewers) {
      const all = [...events];
      recorder.events(viewer, []);
      for (let next = 0; next < all.length; next += 3) recorder.events(viewer, all.slice(next, next + 3));
    }
    for (const fault of details.faults ?? []) recorder.fault(fault);
    for (const totals of details.totals ?? []) recorder.totals(totals);
    if (history.finalHeads !== undefined) recorder.finalHeads(history.finalHeads);
    if (details.historyReads !== undefined) recorder.historyReads(details.historyReads);
  } finally {
    recorder.close();
  }
  return plan;
}
