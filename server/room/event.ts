import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Position } from '../log/position.ts';

/** Where a viewer without a cursor begins. */
export type Start =
  | { readonly kind: 'live' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'since'; readonly timeMs: number }
  | { readonly kind: 'seq'; readonly seq: number };

/** How a join began. */
export type JoinOutcome = 'STARTED' | 'RESUMED' | 'GAP' | 'RESET';

export type ResetCause = 'RECREATED' | 'REWOUND';

/** Something a viewer is to be told, in order. */
export type Emission =
  | {
      readonly kind: 'joined';
      readonly cursor: Position;
      readonly head: number;
      readonly outcome: JoinOutcome;
    }
  | { readonly kind: 'gap'; readonly after: number; readonly next: number; readonly cursor: Position }
  | { readonly kind: 'reset'; readonly cause: ResetCause; readonly cursor: Position }
  | { readonly kind: 'caught-up'; readonly cursor: Position }
  /** Shared between viewers, not to be changed. */
  | { readonly kind: 'batch'; readonly frame: CompressibleFrame };
