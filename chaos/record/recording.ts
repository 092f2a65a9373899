import type {
  IsolationBounds,
  Outage,
  PublishedMessage,
  TruthBounds,
  UnknownMessage,
  ViewerEvent,
} from '../oracle/history.ts';

/** How the clients of a run reach gateways: viewers and publishers alike. */
export type RunTransport = 'grpc' | 'websocket';

/** A run as it was asked for: enough to do it again. */
export interface RunPlan {
  readonly run: string;
  readonly seed: number;
  readonly profile: string;
  readonly transport: RunTransport;
  readonly viewers: number;
  readonly rooms: number;
  /** In milliseconds. */
  readonly durationMs: number;
  /** Reliable and ephemeral messages a second, over all rooms. */
  readonly rate: number;
  readonly ephemeralRate: number;
  /** How many gateways the tool ran; absent: somebody else's, or two. */
  readonly gateways?: number;
  /** How many nats-servers the tool ran as a cluster; absent: one, or somebody else's. */
  readonly natsCluster?: number;
  /** Only this one of the viewers watches: the run is a part of another one. */
  readonly onlyViewer?: string;
  readonly faults: readonly PlannedFault[];
  /** Names of all faults that it was to have, by its profile or by the user's choice; absent: that was not recorded. */
  readonly wanted?: readonly string[];
  /** What viewers that no fault touches may expect; absent: Isolated is not checked. */
  readonly isolation?: PlannedIsolation;
  /** What is asked of what is said; absent: Truthful is not checked. */
  readonly truth?: TruthBounds;
}

/** A fault touches its viewer, or all when it is a backend fault, until `recoveryMs` after its end. */
export interface PlannedIsolation extends IsolationBounds {
  readonly recoveryMs: number;
}

/** One fault of the schedule: derived from the seed alone. */
export interface PlannedFault {
  /** Number of the fault in the schedule, from 0. */
  readonly fault: number;
  /** For example `half-open` or `nats-kill`. */
  readonly name: string;
  /** The viewer whose link it is on; undefined for a backend fault. */
  readonly viewer: string | undefined;
  /** From the start of the run, in milliseconds. */
  readonly atMs: number;
  readonly forMs: number;
}

/**
 * In place of a fault's number: an event loop of the tool itself stalled, because the machine had too much to do. It touches
 * everybody like a backend fault.
 */
export const EVENT_LOOP_STALL = -1;

/** When a planned fault really began and ended, in milliseconds of the run's clock. */
export interface AppliedFault {
  readonly fault: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a viewer's client counted over the whole run. */
export interface ViewerTotals {
  readonly viewer: string;
  readonly reconnects: number;
  readonly bytes: number;
  readonly duplicatesDropped: number;
  readonly continuityViolations: number;
}

/**
 * Records what a run does. Calls return at once: rows are written in batches, off the hot path.
 * All times are milliseconds of the run's clock, 0 at its start.
 */
export interface Recorder {
  plan(plan: RunPlan): void;
  published(message: PublishedMessage): void;
  unknown(message: UnknownMessage): void;
  /** Events of one viewer, in order. */
  events(viewer: string, events: readonly ViewerEvent[]): void;
  fault(fault: AppliedFault): void;
  outage(outage: Outage): void;
  totals(totals: ViewerTotals): void;
  /** Room heads when publishing had ended and all had been given the time to get there. */
  finalHeads(heads: ReadonlyMap<string, { readonly epoch: string; readonly seq: number }>): void;
  /** JetStream reads of history that the gateways made during the run. */
  historyReads(count: number): void;
  /** All that was recorded of the stream `epoch` is of `first`, which it had been called before. */
  sameStream(epoch: string, first: string): void;
  /** Writes what is left; nothing can be recorded after it. */
  close(): void;
}
