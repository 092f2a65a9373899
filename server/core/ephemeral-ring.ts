import { ephemeralEntry } from './entry-codec.ts';
import type { EphemeralMessage } from './message.ts';
import { Segment } from './segment.ts';

/** Entries older than this are not worth sending, in milliseconds. */
const MAX_AGE_MS = 1000;
/** An older half is kept beside the one being written, so at most twice this many bytes. */
const HALF_BYTES = 16 * 1024;

const NO_BYTES = Buffer.alloc(0);
const EVERYTHING = { bytes: Infinity, entries: Infinity };

/** What a viewer gets of the ephemeral messages since its last frame. */
export interface EphemeralSlice {
  readonly bytes: Buffer;
  /** How many it does not get. */
  readonly dropped: number;
}

/**
 * The last moment of a room's ephemeral messages, encoded once. Viewers hold a count into it, like the cursor
 * into the log; whoever comes too late misses what has left the ring and is told how many.
 */
export class EphemeralRing {
  #older = new Segment(0);
  #newer = new Segment(0);
  #newerSince = 0;

  /** Number of messages that ever entered. */
  get head(): number {
    return this.#newer.upto;
  }

  get memory(): number {
    return this.#older.memory + this.#newer.memory;
  }

  append(message: EphemeralMessage, nowMs: number): void {
    this.#expire(nowMs);
    if (this.#newer.length >= HALF_BYTES) this.#turn(nowMs);
    this.#newer.append(this.#newer.upto + 1, 0, ephemeralEntry(message));
  }

  /** What came after the first `seen` messages. */
  read(seen: number, nowMs: number): EphemeralSlice {
    if (seen >= this.head) return { bytes: NO_BYTES, dropped: 0 };
    this.#expire(nowMs);
    const dropped = Math.max(0, this.#older.after - seen);
    const newer = this.#newer.read(seen, EVERYTHING).bytes;
    if (seen >= this.#older.upto) return { bytes: newer, dropped };
    return { bytes: Buffer.concat([this.#older.read(seen, EVERYTHING).bytes, newer]), dropped };
  }

  /** Lets go of what is too old: everything is gone after one to two times the maximal age. */
  #expire(nowMs: number): void {
    const ageMs = nowMs - this.#newerSince;
    if (ageMs >= MAX_AGE_MS) this.#turn(nowMs);
    if (ageMs >= 2 * MAX_AGE_MS) this.#older = new Segment(this.head);
  }

  #turn(nowMs: number): void {
    this.#older = this.#newer;
    this.#newer = new Segment(this.#older.upto);
    this.#newerSince = nowMs;
  }
}
