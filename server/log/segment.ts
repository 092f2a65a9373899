import type { FrameContents } from './compressible-frame.ts';
import { CompressibleFrame } from './compressible-frame.ts';
import { completeBatch, entryTimeMs } from './entry-codec.ts';
import type { Entry } from './entry-codec.ts';

const NO_BYTES = Buffer.alloc(0);

/** Where a read takes whoever reads. */
export interface Reach {
  /** The position reached by whoever has taken these entries: the last one's or, when there are none, the end. */
  readonly upto: number;
  /** Fingerprint of the last entry; 0 when there are none. */
  readonly fingerprint: number;
  readonly count: number;
}

/** What a read found. */
export interface Slice extends Reach {
  /** Encoded entries, piece by piece; views of the log, to be copied before it may grow. */
  readonly pieces: readonly Buffer[];
  /** The frame that holds just these entries, where there is one. */
  readonly frame: CompressibleFrame | undefined;
}

/** Entries, and how many they are. */
export type Entries = Pick<Slice, 'pieces' | 'count'>;

const NO_ENTRIES: Entries = { pieces: [], count: 0 };

/** What is in a frame of these. */
export function contentsOf(reliable: Entries, ephemeral = NO_ENTRIES): FrameContents {
  const [first] = reliable.pieces;
  return {
    reliable: reliable.count,
    ephemeral: ephemeral.count,
    reliableBytes: bytesOf(reliable.pieces),
    ephemeralBytes: bytesOf(ephemeral.pieces),
    storedMs: first === undefined ? Number.NaN : entryTimeMs(first, 0),
  };
}

function bytesOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/**
 * A frame takes at most so many bytes of messages (but at least one message): what is in flight cannot be taken back, and
 * other rooms on the stream wait behind it.
 */
export const FRAME_BYTES = 64 * 1024;

const FIRST_CAPACITY = 1024;

/**
 * A run of encoded entries with ascending sequences, and the index from sequence to byte offset. In front of the entries
 * there may be room for what makes a frame of them: a segment that is sealed can be sent as it lies.
 *
 * Invariant: the segment holds *every* entry of its room with `after < seq <= upto`.
 */
export class Segment {
  /** The position before the first entry. */
  readonly after: number;
  #upto: number;
  readonly #headroom: number;
  #buffer = NO_BYTES;
  /** Offset behind the last entry. */
  #end: number;
  readonly #seqs: number[] = [];
  readonly #fingerprints: number[] = [];
  /** Offset behind each entry. */
  readonly #ends: number[] = [];
  #frame: CompressibleFrame | undefined;

  /** @param headroom bytes to leave in front of the entries */
  constructor(after: number, headroom = 0) {
    this.after = after;
    this.#upto = after;
    this.#headroom = headroom;
    this.#end = headroom;
  }

  /** The position up to which the segment is complete. */
  get upto(): number {
    return this.#upto;
  }

  /** Memory taken, in bytes: the buffer, three numbers an entry, and what the frame takes beyond. */
  get memory(): number {
    return this.#buffer.length + this.#seqs.length * 24 + (this.#frame?.extraMemory ?? 0);
  }

  /** Bytes of encoded entries. */
  get length(): number {
    return this.#end - this.#headroom;
  }

  get count(): number {
    return this.#seqs.length;
  }

  /** Whether the segment takes no further entry. */
  get sealed(): boolean {
    return this.#frame !== undefined;
  }

  /** Appends an entry; `seq` is greater than every one before, and the segment is not sealed. */
  append(seq: number, fingerprint: number, entry: Entry): void {
    if (this.sealed) throw new RangeError('entry appended to a sealed segment');
    if (seq <= this.#upto) throw new RangeError(`entry ${seq} appended behind ${this.#upto}`);
    this.#reserve(entry.size);
    entry.write(this.#buffer, this.#end);
    this.#end += entry.size;
    this.#seqs.push(seq);
    this.#fingerprints.push(fingerprint);
    this.#ends.push(this.#end);
    this.#upto = seq;
  }

  /** Declares that there is no further entry up to and including `position`. */
  extend(position: number): void {
    this.#upto = Math.max(this.#upto, position);
  }

  /** Makes a batch of all entries, in place: of at least one, behind the headroom that a batch of this room needs. */
  seal(room: string): void {
    const begin = completeBatch(room, this.#buffer, this.#headroom, this.length);
    const pieces = [this.#buffer.subarray(this.#headroom, this.#end)];
    const contents = contentsOf({ pieces, count: this.count });
    this.#frame = new CompressibleFrame(this.#buffer.subarray(begin, this.#end), contents);
  }

  /** The entries behind `after`, at most `maxEntries` of them but at least one; none at the end. */
  read(after: number, maxEntries = Infinity): Slice {
    const first = this.#indexAfter(after);
    const last = Math.min(first + maxEntries, this.count);
    if (last <= first)
      return { pieces: [], frame: undefined, upto: Math.max(this.#upto, after), fingerprint: 0, count: 0 };
    const start = first === 0 ? this.#headroom : (this.#ends[first - 1] as number);
    const whole = first === 0 && last === this.count;
    return {
      pieces: [this.#buffer.subarray(start, this.#ends[last - 1])],
      frame: whole ? this.#frame : undefined,
      upto: this.#seqs[last - 1] as number,
      fingerprint: this.#fingerprints[last - 1] as number,
      count: last - first,
    };
  }

  /** The fingerprint of the entry at exactly `seq`, or undefined. */
  fingerprintAt(seq: number): number | undefined {
    const index = this.#indexAfter(seq) - 1;
    return index >= 0 && this.#seqs[index] === seq ? this.#fingerprints[index] : undefined;
  }

  /** The sequence of the first entry behind `seq`, or undefined. */
  nextAfter(seq: number): number | undefined {
    return this.#seqs[this.#indexAfter(seq)];
  }

  /** The sequence of the n-th entry from the end (1 is the last), or undefined. */
  seqFromEnd(n: number): number | undefined {
    return this.#seqs.at(-n);
  }

  /** Index of the first entry with a sequence greater than `seq`. */
  #indexAfter(seq: number): number {
    return firstIndexAbove(this.#seqs, seq);
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const doubled = Math.min(this.#buffer.length * 2, FRAME_BYTES);
    const grown = Buffer.allocUnsafe(Math.max(needed, doubled, FIRST_CAPACITY));
    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }
}

function firstIndexAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  // Live viewers ask for the newest entries: look there before halving.
  if (high > 0 && (ascending[high - 1] as number) <= value) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
