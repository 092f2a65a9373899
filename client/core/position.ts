import type { Cursor } from './cursor.ts';
import type { Message } from './messages.ts';

/** What a reliable message is to a viewer that stands at some cursor. */
export type Verdict =
  /** It comes next. */
  | 'next'
  /** The viewer has had it. */
  | 'duplicate'
  /** A message between the viewer's cursor and this one never came. */
  | 'discontinuous';

/** Judges a message by the viewer's position: continuity holds as long as `prevSeq <= position < seq`. */
export function judge(position: Cursor, message: Message): Verdict {
  if (message.seq <= position.seq) return 'duplicate';
  return message.prevSeq <= position.seq ? 'next' : 'discontinuous';
}

/**
 * Where a viewer stands that was at `position` and is told that it has everything up to `told`: never further back,
 * and in another epoch only after a reset, or when it names the very place that the viewer stands at. `missed` if `told` names a message that never came.
 */
export function advance(position: Cursor | undefined, told: Cursor): Cursor | 'missed' {
  if (position === undefined) return told;
  // The same message, or the same place between two: the stream goes by another name now.
  if (told.seq === position.seq && told.fingerprint === position.fingerprint) return told;
  // The message there has been looked at meanwhile: it was large.
  if (told.epoch === position.epoch && told.seq === position.seq && position.fingerprint === 0) return told;
  if (told.epoch !== position.epoch || told.seq <= position.seq) return position;
  return told.fingerprint === 0 ? told : 'missed';
}
