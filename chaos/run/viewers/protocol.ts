import type { Address } from '../../../common/units.ts';
import type { TimeSpan, ViewerEvent } from '../../oracle/history.ts';
import type { AppliedFault, PlannedFault, RunTransport, ViewerTotals } from '../../record/recording.ts';

/** One viewer of a run. */
export interface ViewerSpec {
  readonly viewer: string;
  readonly rooms: readonly string[];
  /** Number of the pool by which it reaches the gateways, with others; absent: it has connections of its own. */
  readonly pool?: number | undefined;
}

/** Where a viewer is to come to in a room. */
export interface Goal {
  /** The names that the stream has had. */
  readonly epochs: readonly string[];
  readonly seq: number;
}

/** What became of a message that a viewer published. */
export interface Answer extends TimeSpan {
  readonly room: string;
  /** What NATS knows it by. */
  readonly id: string;
  /** `refused`: not stored, and the viewer knows it. */
  readonly became: 'stored' | 'unknown' | 'refused';
  /** Where it is stored; 0 if that is not known. */
  readonly seq: number;
}

/** What the tool tells a process of viewers, in this order; `pause-publishing` and `resume-publishing` by turns while they run. Sent by structured clone. */
export type HostRequest =
  /** Start the viewers; answered by `ready` when all have caught up. */
  | {
      readonly kind: 'start';
      readonly seed: number;
      readonly transport: RunTransport;
      readonly gateways: readonly Address[];
      readonly viewers: readonly ViewerSpec[];
    }
  /** The run's clock begins at `originMs` since the Unix epoch; apply the faults when they are due. */
  | { readonly kind: 'run'; readonly originMs: number; readonly faults: readonly PlannedFault[] }
  /** Lift every fault, apply no more. */
  | { readonly kind: 'heal' }
  /** Publish nothing until `resume-publishing`; answered by `publishing-paused` when nothing is being published and all outcomes have been told. */
  | { readonly kind: 'pause-publishing' }
  | { readonly kind: 'resume-publishing' }
  /** Answer with `caught-up` when every viewer has come to these goals. */
  | { readonly kind: 'catch-up'; readonly goals: ReadonlyMap<string, Goal> }
  /** End the viewers; answered by `finished` after the last report. */
  | { readonly kind: 'finish' };

/** What a process of viewers tells. */
export type HostReport =
  | { readonly kind: 'ready' }
  /** What has happened since the last one. */
  | {
      readonly kind: 'update';
      readonly events: readonly { readonly viewer: string; readonly events: readonly ViewerEvent[] }[];
      readonly answers: readonly Answer[];
      readonly faults: readonly AppliedFault[];
      readonly census: Census;
    }
  | { readonly kind: 'publishing-paused' }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'finished'; readonly totals: readonly ViewerTotals[] }
  /** The viewers cannot go on. */
  | { readonly kind: 'failed'; readonly message: string };

/** Viewers at a moment, and what they have received so far. */
export interface Census {
  readonly states: Readonly<Partial<Record<string, number>>>;
  /** Names of the faults in force, and on how many viewers. */
  readonly faults: Readonly<Partial<Record<string, number>>>;
  readonly delivered: number;
  /** Messages whose predecessor had not come and was not announced as gone. */
  readonly holes: number;
}
