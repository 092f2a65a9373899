import type { TrafficCounts } from './traffic.ts';
import type { Census } from './viewers/protocol.ts';

/** A run as it stands. */
export interface Progress {
  readonly phase: 'connecting' | 'running' | 'catching-up' | 'done';
  readonly census: Census;
  /** The backend fault in force. */
  readonly backendFault: string | undefined;
  readonly published: TrafficCounts;
  /** The longest stall of one of the tool's event loops so far, in milliseconds: the machine had too much to do. */
  readonly longestStallMs: number;
  /** Of the time in which faults come and messages are published; undefined before and after. */
  readonly leftMs: number | undefined;
}
