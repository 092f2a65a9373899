import { judge } from './continuity.ts';
import type { Continuity } from './continuity.ts';
import type { FeedMessage, HistoryRead, RoomEnd } from './evidence.ts';
import { HistoryPage } from './history-page.ts';
import type { LastMessage, StoredMessage } from './message.ts';
import { lastOf } from './message.ts';
import type { Position } from './position.ts';
import { RoomLog } from './room-log.ts';

/** A span in which the stream's history has been one and the same. */
export interface Incarnation {
  /** Rises by one with every incarnation. */
  readonly number: number;
  readonly epoch: string;
  /** Names that the stream had before, with the same history. */
  readonly formerly: readonly string[];
  /** Viewers of an earlier incarnation of the same epoch go on here, or where they stood if that comes earlier. */
  readonly start: number;
}

/** `seq` 0: none is known. */
const NO_MESSAGE: LastMessage = { seq: 0, fingerprint: 0, timeMs: Number.NaN, bytes: 0 };

/** Told what becomes of a log, synchronously. */
export interface LogObserver {
  /** It begins, or goes on where it had not been, or under another name. */
  begun(): void;
  /** It has another message, behind all that it had. */
  appended(message: StoredMessage): void;
}

/** What a log knows at one moment. */
export interface Known {
  readonly last: LastMessage;
  readonly watermark: number;
}

/**
 * One room's messages in memory, and what is proven of them. Pure: it is told what the feed and the stream's leader say, and says
 * whether that follows from what it has. Rules: docs/design.md, "The verified log".
 *
 * Invariants: it holds every message of the room behind its base that the stream held, in order; the room has no message at or
 * below the verified watermark that was not seen.
 */
export class VerifiedLog {
  readonly #room: string;
  readonly #observer: LogObserver | undefined;
  #incarnation: Incarnation = { number: 0, epoch: '', formerly: [], start: 0 };
  #messages: RoomLog;
  #last = NO_MESSAGE;
  /** Whether the stream still held `#last` when it was last asked. */
  #lastHeld = false;
  #watermark = 0;
  /** Where the log goes on behind a rewind: the one place without a known message where the room may have one. */
  #restartedAt = -1;
  /** The leader said when the log began that the room has no message, and none has come since. */
  #empty = false;

  constructor(room: string, observer?: LogObserver) {
    this.#room = room;
    this.#observer = observer;
    this.#messages = new RoomLog(room, 0, 0);
  }

  get incarnation(): Incarnation {
    return this.#incarnation;
  }

  /** The messages themselves. */
  get messages(): RoomLog {
    return this.#messages;
  }

  /** The verified watermark: the room has no unseen message at or below this sequence. At least the newest message's. */
  get watermark(): number {
    return this.#watermark;
  }

  get known(): Known {
    return { last: this.#last, watermark: this.#watermark };
  }

  /** The room's newest message; `seq` 0 when none is known. */
  get last(): LastMessage {
    return this.#last;
  }

  /** Whether the room is known to have had no message. */
  get empty(): boolean {
    return this.#empty;
  }

  /** Whether the stream still held the newest message when it was last asked. */
  get lastHeld(): boolean {
    return this.#lastHeld;
  }

  /** The room's head for people and heartbeats: its newest message, or a position when there is none. */
  get head(): number {
    return this.#last.seq === 0 ? this.#watermark : this.#last.seq;
  }

  /** The cursor of a viewer that has everything: one that a later resume can verify. */
  get resumeCursor(): Position {
    const { epoch } = this.#incarnation;
    const { seq, fingerprint } = this.#last;
    if (seq !== 0 && this.#lastHeld) return { epoch, seq, fingerprint };
    return { epoch, seq: this.#watermark, fingerprint: 0 };
  }

  /** Whether the payload of the room's newest message was left where it is, because it is large: no cursor can name it yet. */
  get unidentified(): boolean {
    return this.#last.seq !== 0 && this.#last.fingerprint === 0 && this.#lastHeld;
  }

  /** The message names the one that the log ends with as its predecessor, and is where none was yet: nothing is between them. */
  isFollowedBy({ message, prevSeq }: FeedMessage): boolean {
    return this.#last.seq !== 0 && prevSeq === this.#last.seq && message.seq > this.#watermark;
  }

  /** The log has the message, or no longer reaches back to it. Another in its place is no repeat: another history. */
  holds({ message: { seq, fingerprint } }: FeedMessage): boolean {
    return seq < this.#messages.base || this.#messages.fingerprintAt(seq) === fingerprint;
  }

  /** Whether the leader says nothing that the log does not; `asked` is what was known when it was asked. */
  agreesWith({ lastSeq, last, firstSeq }: RoomEnd, asked: Known): boolean {
    const known = last && this.#messages.fingerprintAt(last.seq);
    if (last === undefined || last.seq < asked.last.seq) {
      const same = known === undefined || known === last?.fingerprint;
      return !this.#lastHeld && same && lastSeq >= asked.watermark && firstSeq <= asked.watermark + 1;
    }
    return this.#endsWith(last);
  }

  /** Whether the log ends with the leader's newest message. Where a payload is yet to be seen, another in its place is betrayed by its time. */
  #endsWith({ seq, fingerprint, timeMs }: LastMessage): boolean {
    const known = this.#messages.fingerprintAt(seq);
    if (known !== undefined && fingerprint !== 0) return known === fingerprint;
    return seq === this.#last.seq && timeMs === this.#last.timeMs;
  }

  /** Appends the room's next message. */
  append(message: StoredMessage): void {
    // A message that was removed is not the one before it to everybody: who reads the stream will not see it.
    this.#messages.append(message, this.#lastHeld ? this.#last.seq : 0);
    this.#last = lastOf(message);
    this.#lastHeld = true;
    this.#watermark = Math.max(this.#watermark, message.seq);
    this.#empty = false;
    this.#observer?.appended(message);
  }

  /** Raises the watermark, and says whether the stream holds the newest message; whether the resume cursor moved. */
  verify(upto: number, lastHeld: boolean): boolean {
    const before = this.resumeCursor;
    this.#watermark = Math.max(this.#watermark, upto);
    this.#lastHeld = lastHeld;
    return this.resumeCursor.seq !== before.seq;
  }

  /** Takes over what the leader says of an end that the log {@link agreesWith}; whether the resume cursor moved. */
  confirm({ lastSeq, last }: RoomEnd): boolean {
    return this.verify(lastSeq, this.#lastHeld || last?.seq === this.#last.seq);
  }

  /** Looks for the newest message in what was read of the stream, if its payload has not been seen; whether cursors can name it now. */
  identify(messages: readonly StoredMessage[]): boolean {
    const { seq, fingerprint, timeMs } = this.#last;
    if (seq === 0 || fingerprint !== 0) return false;
    const found = messages.find((message) => message.seq === seq && message.timeMs === timeMs);
    if (found === undefined) return false;
    this.#last = lastOf(found);
    this.#messages.identifyBase(seq, found.fingerprint);
    return true;
  }

  /** Begins an incarnation at the end of the stream as it is. */
  begin(end: RoomEnd): void {
    const last = end.last ?? NO_MESSAGE;
    const { epoch, formerly } = end;
    this.#incarnation = { number: this.#incarnation.number + 1, epoch, formerly, start: 0 };
    this.#restartedAt = -1;
    this.#last = last;
    this.#lastHeld = last.seq !== 0;
    this.#watermark = Math.max(end.lastSeq, last.seq);
    this.#messages = new RoomLog(this.#room, last.seq === 0 ? this.#watermark : last.seq, last.fingerprint);
    this.#empty = end.last === undefined;
    this.#observer?.begun();
  }

  /** The incarnation goes on under another name of the stream. */
  rename({ epoch, formerly }: RoomEnd): void {
    const { incarnation } = this;
    const names = new Set([...incarnation.formerly, incarnation.epoch, ...formerly]);
    this.#incarnation = { ...incarnation, epoch, formerly: [...names] };
    this.#observer?.begun();
  }

  /** Goes on at `position`, behind which the log cannot reach back. */
  restartAt(position: number): void {
    this.#last = NO_MESSAGE;
    this.#lastHeld = false;
    this.#watermark = position;
    this.#messages = new RoomLog(this.#room, position, 0);
    this.#empty = false;
    this.#observer?.begun();
  }

  /** The history was replaced by an older one that has since gone its own way, from `start` at the latest: begins an incarnation there. */
  rewindTo(start: number): void {
    this.#incarnation = { ...this.#incarnation, number: this.#incarnation.number + 1, start };
    this.restartAt(start);
    this.#restartedAt = start;
  }

  /**
   * Where to read on: from the room's last message or, as long as it has none, from where none was yet. A message that the leader has below
   * that is of another history.
   */
  placeToReadFrom({ last }: RoomEnd): number {
    if (this.#last.seq !== 0) return this.#last.seq;
    const contradicted = last !== undefined && last.seq > this.#restartedAt && last.seq <= this.#watermark;
    return contradicted ? last.seq : this.#watermark;
  }

  /** Judges what was read from {@link placeToReadFrom}: by the room's last message or, once that has expired, by what was proven since. */
  judge(read: HistoryRead): Continuity {
    const { epoch } = this.#incarnation;
    const { firstSeq, fromHeldElsewhere: heldElsewhere } = read;
    const first = read.messages[0];
    const found = first?.seq === read.from ? first.fingerprint : undefined;
    const evidence = { epoch: read.epoch, found, firstSeq, heldElsewhere, predated: false };
    const verdict = judge({ epoch, seq: read.from, fingerprint: this.#last.fingerprint }, evidence);
    if (verdict === 'recreated') return verdict;
    // Where there was none, or another that would have been recognised.
    if (found !== undefined && this.#last.fingerprint === 0 && read.from !== this.#restartedAt)
      return 'rewound';
    // A message where none was is of another history.
    if (read.messages.some(({ seq }) => seq > read.from && seq <= this.#watermark)) return 'rewound';
    const expired = verdict === 'evicted' && read.from < firstSeq;
    return expired
      ? judge({ epoch, seq: this.#watermark, fingerprint: 0 }, { ...evidence, heldElsewhere: false })
      : verdict;
  }

  /**
   * What was read before the log began, as far as whoever goes on from it can be told from a viewer of another history: by its last message.
   * @throws when it has none, or should hold what the log begins with and does not
   */
  reconciled(read: HistoryRead): HistoryRead {
    const { base } = this.#messages;
    const upto = read.messages.at(-1)?.seq;
    if (upto === undefined)
      throw new Error('what was read before the room was opened proves nothing by itself');
    const found = read.messages.find(({ seq }) => seq === base)?.fingerprint;
    const meets = base < read.from || base > upto || found === this.#messages.fingerprintAt(base);
    if (!meets) throw new Error('what was read before the room was opened is of another history');
    return { ...read, upto };
  }

  /** Whether what was read holds the room's last message, in a stream that may go by another name. */
  recognises(read: HistoryRead): boolean {
    const { seq, fingerprint } = this.#last;
    const position = { epoch: this.#incarnation.epoch, seq, fingerprint };
    return new HistoryPage(this.#room, read).judge(position) === 'continuous';
  }

  /** Takes over what was read from `from` and found to follow; whether anything changed that viewers see. */
  extend(read: HistoryRead, from: number): void {
    if (read.messages[0]?.seq !== this.#last.seq) this.#lastHeld = false;
    for (const message of read.messages) if (message.seq > from) this.append(message);
    this.verify(read.upto, read.messages.length > 0);
  }
}
