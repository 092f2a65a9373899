import { CompressibleFrame } from './compressible-frame.ts';
import { batchFrame, batchHeadroom, reliableEntry } from './entry-codec.ts';
import type { StoredMessage } from './message.ts';
import type { Slice } from './segment.ts';
import { contentsOf, FRAME_BYTES, Segment } from './segment.ts';

/** The frame made for the last who began between two segments: who is cut off together resumes together. */
interface MadeFrame {
  readonly after: number;
  readonly upto: number;
  readonly frame: CompressibleFrame;
}

/**
 * Reliable messages of one room, each encoded once: segments, each a frame's worth, that follow each other without a hole
 * from `base` to `head`. Whoever is far behind reads segment by segment, and they are sent as they lie: wherever viewers began,
 * they get the same frames from the next segment on. A live batch is the end of the last one.
 *
 * Invariant: every message of the room with `base < seq <= head` is in the log.
 */
export class RoomLog {
  readonly #room: string;
  readonly #headroom: number;
  readonly #segments: Segment[] = [];
  #baseFingerprint: number;
  #made: MadeFrame | undefined;

  /**
   * @param base position after which the log is complete
   * @param baseFingerprint fingerprint of the message at `base`; 0 when it is not one
   */
  constructor(room: string, base: number, baseFingerprint: number) {
    this.#room = room;
    this.#headroom = batchHeadroom(room);
    this.#baseFingerprint = baseFingerprint;
    this.#begin(base);
  }

  /** Reads at or above this position can be answered. */
  get base(): number {
    return this.#first.after;
  }

  /** The position up to which the log is complete: that of the newest message, or what {@link extend} said. */
  get head(): number {
    return this.#last.upto;
  }

  /** Memory taken, in bytes. */
  get memory(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.memory, this.#made?.frame.memory ?? 0);
  }

  /**
   * Appends the room's next message.
   * @param prevSeq the room's message before it, as verified; 0 when none is held
   */
  append(message: StoredMessage, prevSeq: number): void {
    const entry = reliableEntry(message, prevSeq);
    if (this.#isFullFor(entry.size)) {
      this.seal();
      this.#begin(this.#last.upto);
    }
    this.#last.append(message.seq, message.fingerprint, entry);
  }

  /** Declares that there is no further message up to and including `position`. */
  extend(position: number): void {
    this.#last.extend(position);
  }

  /** Says that nothing will be appended: the last segment, too, can be sent as it lies. */
  seal(): void {
    if (this.#last.count > 0) this.#last.seal(this.#room);
  }

  /** The messages behind `after`, which is not below `base`; at most `maxEntries` but at least one, none at the head. */
  read(after: number, maxEntries = Infinity): Slice {
    const index = this.#indexAt(after);
    const slice = this.#at(index).read(after, maxEntries);
    const isNextToLast = index === this.#segments.length - 2;
    return isNextToLast && slice.frame === undefined ? this.#upToHead(slice, maxEntries) : slice;
  }

  /** The frame of what {@link read} has given behind `after`, and nothing else: as it lies or, most likely, the last one made. */
  frameOf(after: number, { frame, pieces, upto, count }: Slice): CompressibleFrame {
    if (frame !== undefined) return frame;
    if (this.#made?.after !== after || this.#made.upto !== upto) {
      const contents = contentsOf({ pieces, count });
      this.#made = { after, upto, frame: new CompressibleFrame(batchFrame(this.#room, pieces), contents) };
    }
    return this.#made.frame;
  }

  /** The sequence of the first message behind `after`, which is not below `base`; undefined when there is none. */
  nextAfter(after: number): number | undefined {
    return this.#at(this.#indexAt(after)).nextAfter(after);
  }

  /** The fingerprint of the message at exactly `seq`, or undefined when there is none or it is not known. */
  fingerprintAt(seq: number): number | undefined {
    if (seq < this.base) return undefined;
    if (seq === this.base) return this.#baseFingerprint === 0 ? undefined : this.#baseFingerprint;
    // A message that closes a segment belongs to it, not to the one that begins there.
    return this.#at(this.#indexAt(seq - 1)).fingerprintAt(seq);
  }

  /** Says which message is at the base, if that is `seq`. */
  identifyBase(seq: number, fingerprint: number): void {
    if (seq === this.base) this.#baseFingerprint = fingerprint;
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
    this.#baseFingerprint = evicted.fingerprintAt(evicted.upto) ?? this.#baseFingerprint;
    this.#segments.shift();
    this.#made = undefined;
    if (this.#segments.length === 0) this.#begin(evicted.upto);
  }

  get #first(): Segment {
    return this.#at(0);
  }

  get #last(): Segment {
    return this.#at(this.#segments.length - 1);
  }

  #at(index: number): Segment {
    return this.#segments[index] as Segment;
  }

  #isFullFor(bytes: number): boolean {
    const { count, length } = this.#last;
    return count > 0 && this.#headroom + length + bytes > FRAME_BYTES;
  }

  #begin(after: number): void {
    this.#segments.push(new Segment(after, this.#headroom));
  }

  /** Adds to the end of the last segment but one what the last has, where it fits: who is nearly live gets one frame. */
  #upToHead(slice: Slice, maxEntries: number): Slice {
    const { length } = this.#last;
    const bytes = slice.pieces.reduce((sum, piece) => sum + piece.length, this.#headroom);
    if (slice.upto < this.#last.after || slice.count === maxEntries || bytes + length > FRAME_BYTES)
      return slice;
    const rest = this.#last.read(slice.upto, maxEntries - slice.count);
    const pieces = [...slice.pieces, ...rest.pieces];
    return { ...rest, pieces, frame: undefined, count: slice.count + rest.count };
  }

  /** The segment with `after <= position < upto`, or the last one. */
  #indexAt(position: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    if (position >= this.#last.after) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).upto <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
