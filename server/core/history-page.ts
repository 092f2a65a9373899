import { reliableEntry } from './entry-codec.ts';
import { judge } from './continuity.ts';
import type { Continuity } from './continuity.ts';
import type { StoredMessage } from './message.ts';
import type { Position } from './position.ts';
import { Segment } from './segment.ts';
import type { ReadLimit, Slice } from './segment.ts';
import type { HistoryRead } from './upstream.ts';

/** One page of history, encoded, with the evidence that came with it. Immutable. */
export class HistoryPage {
  /** The first sequence the page covers. */
  readonly from: number;
  readonly #segment: Segment;
  readonly #read: Pick<HistoryRead, 'epoch' | 'predated' | 'firstSeq' | 'fromHeldElsewhere'>;

  constructor(read: HistoryRead) {
    this.from = read.from;
    const { epoch, predated, firstSeq, fromHeldElsewhere } = read;
    this.#read = { epoch, predated, firstSeq, fromHeldElsewhere };
    const entries = read.messages.map((message, index) =>
      reliableEntry(message, index === 0 ? 0 : (read.messages[index - 1] as StoredMessage).seq),
    );
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    this.#segment = new Segment(read.from - 1, bytes);
    for (const [index, entry] of entries.entries()) {
      const { seq, check } = read.messages[index] as StoredMessage;
      this.#segment.append(seq, check, entry);
    }
    this.#segment.extend(read.upto);
  }

  get epoch(): string {
    return this.#read.epoch;
  }

  get upto(): number {
    return this.#segment.upto;
  }

  get memory(): number {
    return this.#segment.memory;
  }

  /** Sequence of the first message behind `seq`, or the one behind the page's end. */
  nextAfter(seq: number): number {
    return this.#segment.nextAfter(seq) ?? this.upto + 1;
  }

  /**
   * Whether the page can judge a claimed position: one that names a message needs that message, or a
   * read that began there and so looked for it.
   */
  canJudge(position: Position): boolean {
    const { seq } = position;
    if (seq === this.from) return true;
    if (seq < this.from || seq > this.upto) return false;
    return position.check === 0 || this.#segment.checkAt(seq) !== undefined;
  }

  /** Whether the page takes a proven position further. */
  continues(seq: number): boolean {
    return seq >= this.from && seq < this.upto;
  }

  /** Judges a position that it can judge. */
  judge(position: Position): Continuity {
    const verdict = judge(position, {
      epoch: this.#read.epoch,
      found: this.#segment.checkAt(position.seq),
      firstSeq: this.#read.firstSeq,
      heldElsewhere: this.#read.fromHeldElsewhere,
      predated: this.#read.predated,
    });
    const nothingBetween = this.nextAfter(position.seq) === position.seq + 1;
    return verdict === 'evicted' && nothingBetween ? 'continuous' : verdict;
  }

  /** See {@link Segment.read}. */
  read(after: number, limit: ReadLimit): Slice {
    return this.#segment.read(after, limit);
  }
}
