import type { Address } from '../../../../common/units.ts';
import type { PlannedFault } from '../../recording.ts';
import type { Consequences } from '../consequences.ts';

/** What viewers connect to. */
export interface Backend {
  readonly gateways: readonly Address[];
  /** Rejects when the backend cannot go on; never resolves. */
  readonly failed: Promise<never>;
  /** Applies a fault behind the viewers' links; resolves when it is over and what it struck works again. */
  apply(fault: PlannedFault, consequences: Consequences, lifted: AbortSignal): Promise<void>;
  /** Reads of JetStream history by the gateways so far; undefined if they cannot be asked. */
  historyReads(): Promise<number | undefined>;
  close(): Promise<void>;
}
