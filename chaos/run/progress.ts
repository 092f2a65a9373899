import type { TrafficCounts } from './traffic.ts';
import type { Census } from './viewers/protocol.ts';

/** A run as it stands. */
export interface Progress {
  readonly phase: 'connecting' | 'running' | 'settling' | 'done';
  readonly census: Census;
  /** The fault behind the viewers' links that is in force. */
  readonly faultBehind: string | undefined;
  readonly published: TrafficCounts;
  /** How long the tool itself stood still at most so far, in milliseconds: the machine had too much to do. */
  readonly longestStandstillMs: number;
  /** Of the time in which faults come and messages are published; undefined before and after. */
  readonly leftMs: number | undefined;
}
