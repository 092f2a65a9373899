import type { ViewerEvent } from '../oracle/history.ts';
import type { GuaranteeName, GuaranteeResult, Verdict, Violation, ViolationKind } from '../oracle/verdict.ts';
import type { RecordedRun } from '../record/runs.ts';
import type { ViewerTotals } from '../record/recording.ts';
import type { Distribution } from './distribution.ts';
import type { Measures } from './measures.ts';
import type { StateChange } from './state-timeline.ts';

/** What became of a run: the verdict, what was measured, and what it was made of. */
export interface RunReport {
  readonly verdict: 'pass' | 'fail';
  /** Why it is no pass, a line each; empty for a pass. */
  readonly reasons: readonly string[];
  readonly run: RecordedRun;
  /** The database that holds the run. */
  readonly db: string;
  /** A command that runs the same schedule again. */
  readonly replay: string;
  readonly guarantees: readonly GuaranteeResult[];
  /** What was broken, a kind each; empty for a pass. */
  readonly offences: readonly Offence[];
  readonly signalledGaps: Verdict['signalledGaps'];
  readonly measures: Measures;
  /** By name, in the order of the schedule. */
  readonly faults: readonly FaultReport[];
  /** What the run was to have and had not. */
  readonly neverStruck: readonly NeverStruck[];
  readonly viewers: readonly ViewerReport[];
  /** When the last thing happened, in milliseconds of the run's clock. */
  readonly endMs: number;
}

/** One way in which a guarantee was broken. */
export interface Offence {
  readonly guarantee: GuaranteeName;
  readonly kind: ViolationKind;
  readonly count: number;
  /** The earliest in time. */
  readonly first: Violation;
  /** What its viewer got around that moment. */
  readonly around: readonly ViewerEvent[];
}

/** All faults of one name. */
export interface FaultReport {
  readonly name: string;
  /** In the schedule. */
  readonly planned: number;
  /** Those that struck. */
  readonly applied: readonly FaultSpan[];
  /**
   * Counted for each fault and viewer: was live and under no other such fault when it struck; then doubted or lost its
   * connection because of it; was welcomed on another one.
   */
  readonly exposed: number;
  readonly noticed: number;
  readonly reconnected: number;
  readonly detect: Distribution;
  readonly reconnect: Distribution;
}

/** A kind of fault that the run was to have and had not, and why: a pass says nothing of it. */
export interface NeverStruck {
  readonly name: string;
  readonly why: string;
}

/** One fault that struck, in milliseconds of the run's clock. */
export interface FaultSpan {
  readonly fault: number;
  /** Undefined for a backend fault. */
  readonly viewer: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One viewer's run. Durations are in milliseconds. */
export interface ViewerReport {
  readonly viewer: string;
  readonly states: readonly StateChange[];
  readonly delivered: number;
  /** Violations kept by the verdict that are this viewer's. */
  readonly violations: number;
  /** Not live after it first was. */
  readonly outageMs: number;
  readonly longestOutageMs: number;
  readonly slowestResumeMs: number;
  /** What its client counted; undefined if it did not tell. */
  readonly totals: ViewerTotals | undefined;
}
