import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Position } from '../log/position.ts';
import type { Incarnation } from '../log/verified-log.ts';
import type { Dismissal } from '../state/dismissal.ts';
import type { StateView } from '../state/state-view.ts';

/** How a join began. */
export type JoinOutcome = 'STARTED' | 'RESUMED' | 'GAP' | 'RESET';

export type ResetCause = 'RECREATED' | 'REWOUND';

/** Messages behind `after` and before `next` may be missing; what follows goes on from `cursor`. */
export interface GapEvent {
  readonly kind: 'gap';
  readonly after: number;
  readonly next: number;
  readonly cursor: Position;
}

/** The history is another one; what follows goes on from `cursor`. */
export interface ResetEvent {
  readonly kind: 'reset';
  readonly cause: ResetCause;
  readonly cursor: Position;
}

/** Something a viewer is to be told of a room, in order. */
export type RoomEvent =
  | {
      readonly kind: 'joined';
      readonly cursor: Position;
      readonly head: number;
      readonly outcome: JoinOutcome;
    }
  | GapEvent
  | ResetEvent
  | { readonly kind: 'caught-up'; readonly cursor: Position }
  /** What the room is like; before the first message, and whenever a command that it has had has changed it. */
  | { readonly kind: 'state'; readonly view: StateView }
  /** It may not watch the room any more, and has had the message that says so. The subscription is over. */
  | { readonly kind: 'dismissed'; readonly dismissal: Dismissal }
  /** The frame is shared between viewers, not to be changed. `live`: its messages are delivered as they come, not replayed. */
  | { readonly kind: 'batch'; readonly frame: CompressibleFrame; readonly live: boolean }
  /** The place where it was to begin cannot be found; the subscription is over. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** The gap behind `position` and before sequence `next`. */
export function gapAfter({ epoch, seq: after }: Position, next: number): GapEvent {
  return { kind: 'gap', after, next, cursor: { epoch, seq: next - 1, fingerprint: 0 } };
}

/** A reset that goes on behind `seq`, where no message is known. */
export function resetTo(cause: ResetCause, epoch: string, seq: number): ResetEvent {
  return { kind: 'reset', cause, cursor: { epoch, seq, fingerprint: 0 } };
}

/** The reset that leads a viewer from a place in an earlier incarnation into this one. */
export function resetInto(
  { epoch, formerly, start }: Incarnation,
  { epoch: former, seq }: Position,
): ResetEvent {
  const same = former === epoch || formerly.includes(former);
  // Who was behind has not had what lies between, in whichever history.
  return same ? resetTo('REWOUND', epoch, Math.min(start, seq)) : resetTo('RECREATED', epoch, 0);
}
