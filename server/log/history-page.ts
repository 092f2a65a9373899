import type { CompressibleFrame } from './compressible-frame.ts';
import { judge } from './continuity.ts';
import type { Continuity } from './continuity.ts';
import type { Position } from './position.ts';
import { RoomLog } from './room-log.ts';
import type { Slice } from './segment.ts';
import type { HistoryRead } from './evidence.ts';

/** What a page takes beside its messages, in bytes, more or less: some have none. */
const OVERHEAD_BYTES = 1024;

/** One page of history, encoded, with the evidence that came with it. Immutable. */
export class HistoryPage {
  /** The first sequence the page covers. */
  readonly from: number;
  readonly #log: RoomLog;
  readonly #read: Pick<HistoryRead, 'epoch' | 'predated' | 'firstSeq' | 'fromHeldElsewhere'>;

  constructor(room: string, read: HistoryRead) {
    this.from = read.from;
    const { epoch, predated, firstSeq, fromHeldElsewhere } = read;
    this.#read = { epoch, predated, firstSeq, fromHeldElsewhere };
    this.#log = new RoomLog(room, read.from - 1, 0);
    let prevSeq = 0;
    for (const message of read.messages) {
      this.#log.append(message, prevSeq);
      prevSeq = message.seq;
    }
    this.#log.seal();
    this.#log.extend(read.upto);
  }

  get epoch(): string {
    return this.#read.epoch;
  }

  get upto(): number {
    return this.#log.head;
  }

  get memory(): number {
    return OVERHEAD_BYTES + this.#log.memory;
  }

  /** Sequence of the first message behind `seq`, or the one behind the page's end. */
  nextAfter(seq: number): number {
    return this.#log.nextAfter(seq) ?? this.upto + 1;
  }

  /** Whether a message behind `seq` is in the page. */
  holdsAfter(seq: number): boolean {
    return this.#log.nextAfter(Math.max(seq, this.from - 1)) !== undefined;
  }

  /**
   * Whether the page can judge a claimed position: one that names a message needs that message, or a
   * read that began there and so looked for it.
   */
  canJudge(position: Position): boolean {
    const { seq } = position;
    if (seq === this.from) return true;
    if (seq < this.from || seq > this.upto) return false;
    return position.fingerprint === 0 || this.#log.fingerprintAt(seq) !== undefined;
  }

  /** Whether the page takes a proven position further. */
  continues(seq: number): boolean {
    return seq >= this.from && seq < this.upto;
  }

  /** Judges a position that it can judge. */
  judge(position: Position): Continuity {
    const verdict = judge(position, {
      epoch: this.#read.epoch,
      found: this.#log.fingerprintAt(position.seq),
      firstSeq: this.#read.firstSeq,
      heldElsewhere: this.#read.fromHeldElsewhere,
      predated: this.#read.predated,
    });
    const nothingBetween = this.nextAfter(position.seq) === position.seq + 1;
    return verdict === 'evicted' && nothingBetween ? 'continuous' : verdict;
  }

  /** See {@link RoomLog.read}. */
  read(after: number, maxEntries: number): Slice {
    return this.#log.read(after, maxEntries);
  }

  /** See {@link RoomLog.frameOf}. */
  frameOf(after: number, slice: Slice): CompressibleFrame {
    return this.#log.frameOf(after, slice);
  }
}
