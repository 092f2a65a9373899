import type { AppliedFault, PlannedFault, RunPlan, ViewerTotals } from './recording.ts';
import { RecordingError, rowsOf } from './database.ts';
import { msOf } from './micros.ts';

/** A recorded run, and how far its recording got. */
export interface RecordedRun {
  /** Number in the database. */
  readonly number: number;
  readonly plan: RunPlan;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** Whether the recording was brought to its end; otherwise what is there is not all that happened. */
  readonly complete: boolean;
  /** JetStream reads of history that the gateways made; undefined if nobody counted. */
  readonly historyReads: number | undefined;
}

interface RunRow {
  run: number;
  plan: string;
  started_at_ms: number;
  complete: number;
  history_reads: number | null;
}

/** A run by its name; `last` is the one that began last. @throws RecordingError if there is none. */
export function findRun(path: string, name: string): RecordedRun {
  const sql = `
    SELECT run, plan, started_at_ms, complete, history_reads
    FROM runs WHERE name = ? OR ? = 'last' ORDER BY run DESC LIMIT 1`;
  const [row] = [...rowsOf<RunRow>(path, sql, name, name)];
  if (row === undefined) {
    throw new RecordingError(name === 'last' ? `${path} has no runs` : `${path} has no run "${name}"`);
  }
  return recordedRun(row);
}

/** What a run was asked to do. @throws RecordingError */
export function loadPlan(path: string, run: string): RunPlan {
  return findRun(path, run).plan;
}

/** When the faults of a run really began and ended, in the order recorded. */
export function loadFaults(path: string, { number }: RecordedRun): AppliedFault[] {
  const sql = 'SELECT fault, from_us, to_us FROM faults WHERE run = ? ORDER BY n';
  const rows = rowsOf<{ fault: number; from_us: number; to_us: number }>(path, sql, number);
  return Array.from(rows, ({ fault, from_us, to_us }) => {
    return { fault, fromMs: msOf(from_us), toMs: msOf(to_us) };
  });
}

/** What the viewers' clients counted. */
export function loadTotals(path: string, { number }: RecordedRun): ViewerTotals[] {
  const sql = `
    SELECT viewer, reconnects, bytes, duplicates_dropped AS duplicatesDropped,
      continuity_violations AS continuityViolations
    FROM totals WHERE run = ? ORDER BY viewer`;
  return [...rowsOf<ViewerTotals>(path, sql, number)];
}

function recordedRun({ run, plan, started_at_ms, complete, history_reads }: RunRow): RecordedRun {
  const { faults, ...rest } = JSON.parse(plan) as StoredPlan;
  return {
    number: run,
    // JSON leaves out what is undefined; of the transport nothing was recorded when there was only one.
    plan: { transport: 'grpc', ...rest, faults: faults.map((fault) => ({ ...fault, viewer: fault.viewer })) },
    startedAtMs: started_at_ms,
    complete: complete === 1,
    historyReads: history_reads ?? undefined,
  };
}

interface StoredPlan extends Omit<RunPlan, 'faults' | 'transport'>, Partial<Pick<RunPlan, 'transport'>> {
  readonly faults: readonly StoredFault[];
}

type StoredFault = Omit<PlannedFault, 'viewer'> & { readonly viewer?: string };
