import { ephemeralEntry } from './entry-codec.ts';
import type { EphemeralMessage } from './message.ts';
import { Segment } from './segment.ts';

/** Entries older than this are not worth sending, in milliseconds. */
const MAX_AGE_MS = 1000;
/** An older half is kept beside the one being written, so at most twice this many bytes. */
const HALF_BYTES = 16 * 1024;

/** What a viewer gets of the ephemeral messages since its last frame. */
export interface EphemeralSlice {
  /** Encoded entries, piece by piece; views of the ring. */
  readonly pieces: readonly Buffer[];
  readonly count: number;
  /** How many it does not get. */
  readonly dropped: number;
  /** Whether some of these had left the ring before it came; otherwise all were passed over. */
  readonly late: boolean;
  /** The count that it has come to. */
  readonly upto: number;
}

/**
 * The last moment of a room's ephemeral messages, encoded once. Viewers hold a count into it, like the cursor
 * into the log; whoever comes too late misses what has left the ring and is told how many. Messages that were passed
 * over take part in the count only: they are told as missed with the next one that enters, so that nobody is woken for
 * them and viewers that have everything stand at the same place.
 */
export class EphemeralRing {
  #older = new Segment(0);
  #newer = new Segment(0);
  #newerSince = 0;
  /** Passed over since the newest message entered. */
  #passedOver = 0;

  /** The count at the newest message. */
  get head(): number {
    return this.#newer.upto;
  }

  /** Number of messages that ever came, those passed over included. */
  get count(): number {
    return this.head + this.#passedOver;
  }

  get memory(): number {
    return this.#older.memory + this.#newer.memory;
  }

  append(message: EphemeralMessage, nowMs: number): void {
    this.#expire(nowMs);
    if (this.#newer.length >= HALF_BYTES) this.#turn(nowMs);
    this.#newer.append(this.count + 1, 0, ephemeralEntry(message));
    this.#passedOver = 0;
  }

  /** Counts a message that nobody gets. */
  passOver(): void {
    this.#passedOver++;
  }

  /** Has what was passed over told, though no message has entered since; false when there is nothing to tell. */
  tellPassedOver(): boolean {
    if (this.#passedOver === 0) return false;
    this.#newer.extend(this.count);
    this.#passedOver = 0;
    return true;
  }

  /** What came after the first `seen` messages, up to {@link head}. */
  read(seen: number, nowMs: number): EphemeralSlice {
    const upto = this.head;
    if (seen >= upto) return { pieces: [], count: 0, dropped: 0, late: false, upto: seen };
    this.#expire(nowMs);
    const came = upto - seen;
    const newer = this.#newer.read(seen);
    if (seen >= this.#older.upto)
      return { pieces: newer.pieces, count: newer.count, dropped: came - newer.count, late: false, upto };
    const older = this.#older.read(seen);
    const pieces = [...older.pieces, ...newer.pieces];
    const count = older.count + newer.count;
    return { pieces, count, dropped: came - count, late: seen < this.#older.after, upto };
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
