import { reliableEntry } from './entry-codec.ts';
import type { StoredMessage } from './message.ts';
import type { ReadLimit, Slice } from './segment.ts';
import { Segment } from './segment.ts';

/** A segment takes no entry that would bring it beyond so many bytes, but for its first; also the unit of eviction. */
const SEGMENT_BYTES = 256 * 1024;

/**
 * The newest reliable messages of one room, each encoded once: segments that follow each other without a
 * hole from `base` to `head`. A live batch, a replay and a catch-up are all slices of it.
 *
 * Invariant: every message of the room with `base < seq <= head` is in the log.
 */
export class RoomLog {
  #segments: Segment[];
  #memory = 0;
  #baseCheck: number;

  /**
   * @param base position after which the log is complete
   * @param baseCheck fingerprint of the message at `base`; 0 when it is not one
   */
  constructor(base: number, baseCheck: number) {
    this.#segments = [new Segment(base)];
    this.#baseCheck = baseCheck;
  }

  /** Reads at or above this position can be answered. */
  get base(): number {
    return this.#first.after;
  }

  /** The position of the newest message, or `base`. */
  get head(): number {
    return this.#last.upto;
  }

  /** Memory taken, in bytes. */
  get memory(): number {
    return this.#memory;
  }

  /**
   * Appends the room's next message.
   * @param prevSeq the room's message before it, as verified; 0 when none is held
   */
  append(message: StoredMessage, prevSeq: number): void {
    const entry = reliableEntry(message, prevSeq);
    let segment = this.#last;
    // Sealed before its buffer doubles once more: half of that would stay empty.
    if (segment.count > 0 && segment.length + entry.size > SEGMENT_BYTES) {
      segment = new Segment(segment.upto);
      this.#segments.push(segment);
    }
    const before = segment.memory;
    segment.append(message.seq, message.check, entry);
    this.#memory += segment.memory - before;
  }

  /** The entries behind `after`, which is not below `base`; within `limit` but at least one, none at the head. */
  read(after: number, limit: ReadLimit): Slice {
    return this.#segmentAt(after).read(after, limit);
  }

  /** The fingerprint of the message at exactly `seq`, or undefined when there is none or it is not known. */
  checkAt(seq: number): number | undefined {
    if (seq < this.base) return undefined;
    if (seq === this.base) return this.#baseCheck === 0 ? undefined : this.#baseCheck;
    // A message that closes a segment belongs to it, not to the one that begins there.
    return this.#segmentAt(seq - 1).checkAt(seq);
  }

  /** The sequence of the n-th message from the end, or undefined when the log does not go back so far. */
  seqFromEnd(n: number): number | undefined {
    let rest = n;
    for (const segment of this.#segments.toReversed()) {
      if (rest <= segment.count) return segment.seqFromEnd(rest);
      rest -= segment.count;
    }
    return undefined;
  }

  /** Forgets the oldest segment; `base` rises. */
  evictOldest(): void {
    const evicted = this.#first;
    this.#baseCheck = evicted.checkAt(evicted.upto) ?? this.#baseCheck;
    this.#segments.shift();
    this.#memory -= evicted.memory;
    if (this.#segments.length === 0) this.#segments.push(new Segment(evicted.upto));
  }

  get #first(): Segment {
    return this.#segments[0] as Segment;
  }

  get #last(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment;
  }

  /** The segment with `after <= position < upto`, or the last one. */
  #segmentAt(position: number): Segment {
    let low = 0;
    let high = this.#segments.length - 1;
    if (position >= this.#last.after) return this.#last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).upto <= position) low = middle + 1;
      else high = middle;
    }
    return this.#segments[low] as Segment;
  }
}
