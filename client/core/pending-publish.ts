import type { Timer } from '../../common/clock.ts';
import type { LiveError } from './errors.ts';
import type { PublishOrder, PublishResult } from './publish-order.ts';

/** Where a publish is at. */
export type Progress =
  /** In line for a connection, or for a place among those in flight. */
  | { kind: 'waiting' }
  | { kind: 'sent' }
  /** Refused for now; `timer` puts it in line again. */
  | { kind: 'resting'; timer: Timer };

/** What is known of the attempts before the one under way. */
export type Past =
  | { kind: 'none' }
  /** Every one was refused: nothing is stored. The last refusal. */
  | { kind: 'refused'; error: LiveError }
  /** One may have been stored. */
  | { kind: 'doubtful' };

/** A publish that has no result yet. */
export interface Pending {
  readonly requestId: string;
  readonly order: PublishOrder;
  readonly deadline: Timer;
  /** When its time is up, on the monotonic clock. */
  readonly endMs: number;
  readonly onAbort: () => void;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
  progress: Progress;
  past: Past;
  attempts: number;
}
