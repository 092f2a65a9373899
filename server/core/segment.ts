import type { Entry } from './entry-codec.ts';

/** What a read of a segment found. */
export interface Slice {
  /** Encoded entries; a view of the segment, to be copied before the segment may grow. */
  readonly bytes: Buffer;
  /** The position reached by whoever has taken these entries: the last one's or, when there are none, the end. */
  readonly upto: number;
  /** Fingerprint of the last entry; 0 when there are none. */
  readonly check: number;
  readonly count: number;
}

/** How much a read may take. */
export interface ReadLimit {
  /** Bytes; the first entry is taken whatever its size. */
  readonly bytes: number;
  /** Entries, at least 1. */
  readonly entries: number;
}

const FIRST_CAPACITY = 1024;

/**
 * A run of encoded entries with ascending sequences, and the index from sequence to byte offset.
 *
 * Invariant: the segment holds *every* entry of its room with `after < seq <= upto`.
 */
export class Segment {
  /** The position before the first entry. */
  readonly after: number;
  #upto: number;
  #buffer: Buffer;
  #length = 0;
  readonly #seqs: number[] = [];
  readonly #checks: number[] = [];
  /** Offset behind each entry. */
  readonly #ends: number[] = [];

  /** @param capacity bytes of entries that are expected; more fit, too */
  constructor(after: number, capacity = 0) {
    this.after = after;
    this.#upto = after;
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** The position up to which the segment is complete. */
  get upto(): number {
    return this.#upto;
  }

  /** Memory taken, in bytes: the buffer and three numbers an entry. */
  get memory(): number {
    return this.#buffer.length + this.#seqs.length * 24;
  }

  /** Bytes of encoded entries. */
  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#seqs.length;
  }

  /** Appends an entry; `seq` is greater than every one before. */
  append(seq: number, check: number, entry: Entry): void {
    if (seq <= this.#upto) throw new RangeError(`entry ${seq} appended behind ${this.#upto}`);
    this.#reserve(entry.size);
    entry.write(this.#buffer, this.#length);
    this.#length += entry.size;
    this.#seqs.push(seq);
    this.#checks.push(check);
    this.#ends.push(this.#length);
    this.#upto = seq;
  }

  /** Declares that there is no further entry up to and including `position`. */
  extend(position: number): void {
    this.#upto = Math.max(this.#upto, position);
  }

  /** The entries behind `after`, within `limit` but at least one; none at the end. */
  read(after: number, limit: ReadLimit): Slice {
    const first = this.#indexAfter(after);
    const start = first === 0 ? 0 : (this.#ends[first - 1] as number);
    const fitting = Math.max(this.#indexOfEnd(start + limit.bytes), first + 1);
    const last = Math.min(fitting, first + limit.entries, this.#ends.length);
    const end = last === 0 ? 0 : (this.#ends[last - 1] as number);
    const bytes = this.#buffer.subarray(start, end);
    if (last <= first) return { bytes, upto: Math.max(this.#upto, after), check: 0, count: 0 };
    const [upto, check] = [this.#seqs[last - 1] as number, this.#checks[last - 1] as number];
    return { bytes, upto, check, count: last - first };
  }

  /** The fingerprint of the entry at exactly `seq`, or undefined. */
  checkAt(seq: number): number | undefined {
    const index = this.#indexAfter(seq) - 1;
    return index >= 0 && this.#seqs[index] === seq ? this.#checks[index] : undefined;
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

  /** Number of entries that end at or before byte `offset`. */
  #indexOfEnd(offset: number): number {
    return firstIndexAbove(this.#ends, offset);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2, FIRST_CAPACITY));
    this.#buffer.copy(grown, 0, 0, this.#length);
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
