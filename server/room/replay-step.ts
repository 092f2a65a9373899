import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Position } from '../log/position.ts';
import type { Reach } from '../log/segment.ts';
import type { GapEvent, ResetEvent } from './event.ts';
import { gapAfter, resetTo } from './event.ts';
import type { SubscribedRoom } from './subscribed-room.ts';

/** What history has next for a viewer below the log. */
export type ReplayStep =
  /** There is no page for it yet. */
  | { readonly kind: 'wait' }
  /** The history does not go on as the viewer knows it. */
  | { readonly kind: 'change'; readonly event: GapEvent | ResetEvent }
  /** It goes on to `reach`; `frame` is what lies between, if anything does. */
  | { readonly kind: 'advance'; readonly reach: Reach; readonly frame: CompressibleFrame | undefined };

const WAIT: ReplayStep = { kind: 'wait' };

/** The next step of a viewer at `position`, which was proven in this incarnation, under whatever name the stream had then. */
export function replayStep(
  { follower, history }: Pick<SubscribedRoom, 'follower' | 'history'>,
  { seq, fingerprint }: Position,
  maxEntries: number,
): ReplayStep {
  const { incarnation, messages } = follower.log;
  const position = { epoch: incarnation.epoch, seq, fingerprint };
  const page = history.find((candidate) => candidate.continues(seq) && candidate.canJudge(position));
  if (page === undefined) return WAIT;
  const verdict = page.judge(position);
  if (verdict === 'evicted') return { kind: 'change', event: gapAfter(position, page.nextAfter(seq)) };
  if (verdict !== 'continuous') return { kind: 'change', event: resetTo('REWOUND', position.epoch, seq) };
  if (page.upto < messages.base) history.readAhead(page);
  const slice = page.read(seq, maxEntries);
  const frame = slice.count === 0 ? undefined : page.frameOf(seq, slice);
  return { kind: 'advance', reach: slice, frame };
}
