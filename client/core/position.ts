import { status } from '../../protos/status-codes.ts';
import type { Cursor } from './cursor.ts';
import { LiveError } from './errors.ts';
import type { Message } from './messages.ts';

/** Where a viewer stands in a room: up to there it has been given everything, and what comes is judged by that. */
export class Position {
  #cursor: Cursor | undefined;

  /** Undefined before anybody has said where that is. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** It is there, whatever it was before. */
  moveTo(cursor: Cursor | undefined): void {
    this.#cursor = cursor;
  }

  /**
   * Judges a message, and moves behind it if it comes next: continuity holds as long as `prevSeq <= position < seq`.
   * @returns the cursor that names it then; `duplicate` if the viewer has had it, `missed` if a message before it never came
   */
  take(message: Message): Cursor | 'duplicate' | 'missed' {
    const before = this.#cursor;
    if (before === undefined) throw new LiveError(status.INTERNAL, 'a message came before a cursor');
    if (message.seq <= before.seq) return 'duplicate';
    if (message.prevSeq > before.seq) return 'missed';
    return (this.#cursor = { epoch: before.epoch, seq: message.seq, fingerprint: message.fingerprint });
  }

  /**
   * The viewer is told that it has everything up to `told`: it moves there, but never further back, and into another epoch only if `told` names
   * the very place that it stands at (a reset is told as such).
   * @returns where it stands now; `missed` if `told` names a message that never came
   */
  advance(told: Cursor): Cursor | 'missed' {
    const next = advanced(this.#cursor, told);
    if (next !== 'missed') this.#cursor = next;
    return next;
  }
}

function advanced(position: Cursor | undefined, told: Cursor): Cursor | 'missed' {
  if (position === undefined) return told;
  // The same message, or the same place between two: the stream goes by another name now.
  if (told.seq === position.seq && told.fingerprint === position.fingerprint) return told;
  // The message there has been looked at meanwhile: it was large.
  if (told.epoch === position.epoch && told.seq === position.seq && position.fingerprint === 0) return told;
  if (told.epoch !== position.epoch || told.seq <= position.seq) return position;
  return told.fingerprint === 0 ? told : 'missed';
}
