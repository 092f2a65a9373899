import type { Clock } from '../../common/clock.ts';
import { coalesced } from '../../common/coalesce.ts';
import { sleep } from '../../common/sleep.ts';
import { CheckSchedule } from './check-schedule.ts';
import { judge } from '../log/continuity.ts';
import type { Continuity } from '../log/continuity.ts';
import { HistoryPage } from '../log/history-page.ts';
import { readHistory } from '../upstream/history-read.ts';
import { FeedBuffer } from './feed-buffer.ts';
import type { LastMessage, StoredMessage } from '../log/message.ts';
import { lastOf } from '../log/message.ts';
import type { Position } from '../log/position.ts';
import { RoomLog } from '../log/room-log.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { FeedMessage, HistoryRead, RoomEnd } from '../log/evidence.ts';
import type { Feed, FeedSink, Upstream } from '../upstream/upstream.ts';

/** Feed messages set aside during a repair, at most, in bytes. */
const BUFFER_BYTES = 4 * 1024 * 1024;
const RETRY_MS = { first: 100, max: 2000 };
/** A stream that seems to have lost its end is asked so often again: a new leader may lag for a moment. */
const REWIND_CONFIRMATIONS = 4;

/** A span in which the stream's history has been one and the same. */
export interface Era {
  /** Rises by one with every era. */
  readonly number: number;
  readonly epoch: string;
  /** Names that the stream had before, with the same history. */
  readonly formerly: readonly string[];
  /** Viewers of an earlier era of the same epoch go on here, or where they stood if that comes earlier. */
  readonly start: number;
}

/** `seq` 0: none is known. */
const NO_MESSAGE: LastMessage = { seq: 0, fingerprint: 0, timeMs: Number.NaN, bytes: 0 };

/** What a timeline knows at one moment. */
interface Known {
  readonly last: LastMessage;
  readonly provenTo: number;
}

/**
 * - `following`: every message so far was proven to follow the one before;
 * - `repairing`: something did not; the stream is being read, the feed is set aside;
 * - `closed`: nothing more will happen.
 */
type Mode =
  | { readonly kind: 'following' }
  | { readonly kind: 'repairing'; readonly buffer: FeedBuffer }
  | { readonly kind: 'closed' };

/** Told what happens to a timeline; called synchronously. */
export interface TimelineListener extends Omit<FeedSink, 'reliable' | 'doubtful'> {
  /** The log has grown, or a new era has begun. */
  grown(): void;
  /** A new era has begun: what was read of the stream before is no longer true. */
  renewed(): void;
  /** Nothing came, but the place where a viewer at the head stands is named differently. */
  bookmarked(): void;
  /** The feed was found to have lost, repeated or invented something. */
  repairing(): void;
  /** The log's end has been proven to be the room's, after a time in which it was not. */
  verified(): void;
}

/**
 * The verified history of one room, from its feed and, wherever the feed cannot be proven, from the
 * stream's leader. Feed rules: docs/design.md, "Timeline".
 *
 * Invariant: the log holds every message of the room behind its base that the stream held, in order.
 */
export class Timeline {
  readonly #room: string;
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #listener: TimelineListener;
  #mode: Mode;
  #feed: Feed | undefined;
  #era: Era = { number: 0, epoch: '', formerly: [], start: 0 };
  #log: RoomLog;
  #last = NO_MESSAGE;
  /** Whether the stream still held `#last` when it was last asked. */
  #lastHeld = false;
  /** The room has no unseen message at or below this sequence. At least `#last.seq`. */
  #provenTo = 0;
  /** The stream cannot be asked now. */
  #suspended = false;
  /** Rises with every interruption of the feed: what the leader said before one proves nothing of what came after. */
  #interruptions = 0;
  readonly #schedule: CheckSchedule;
  #repair = Promise.resolve();
  readonly #closing = new AbortController();

  /**
   * Compares the head with the leader's, repairing if need be. Never rejects: it resolves when the leader has answered
   * a question that was asked after the call, or when the timeline is closed.
   */
  readonly check = (): Promise<void> => {
    this.#doubted = true;
    return this.#look();
  };
  /** Reads the room's newest message if it is {@link unseen}. Never rejects. */
  readonly identify = coalesced(async () => {
    if (!this.unseen) return;
    const read = await readHistory(this.#upstream, this.#room, this.#last.seq).catch(() => undefined);
    if (read !== undefined && !this.#isClosed()) this.learn(read);
  });
  readonly #look = coalesced(() => this.#compare());
  /** Where the log goes on behind a rewind: the one place without a known message where the room may have one. */
  #restartedAt = -1;
  /** The leader's last answer that said nothing new. */
  #weighed: RoomEnd | undefined;
  /** Somebody has a reason to believe that the room's newest message is no longer what it was. */
  #doubted = false;

  /** @param maxCheckMs longest time between two looks at the head of a silent room, in milliseconds */
  constructor(
    room: string,
    upstream: Upstream,
    clock: Clock,
    maxCheckMs: number,
    listener: TimelineListener,
  ) {
    this.#room = room;
    this.#log = new RoomLog(room, 0, 0);
    this.#upstream = upstream;
    this.#clock = clock;
    this.#listener = listener;
    this.#mode = { kind: 'repairing', buffer: new FeedBuffer(BUFFER_BYTES) };
    this.#schedule = new CheckSchedule(clock, maxCheckMs, () => this.#look());
  }

  get era(): Era {
    return this.#era;
  }

  get log(): RoomLog {
    return this.#log;
  }

  /** The room has no unseen message at or below this sequence. */
  get provenTo(): number {
    return this.#provenTo;
  }

  /** The room's head for people and heartbeats: its newest message, or a position when there is none. */
  get head(): number {
    return this.#last.seq === 0 ? this.#provenTo : this.#last.seq;
  }

  /** The cursor of a viewer that has everything: one that a later resume can verify. */
  get bookmark(): Position {
    const { epoch } = this.#era;
    const { seq, fingerprint } = this.#last;
    if (seq !== 0 && this.#lastHeld) return { epoch, seq, fingerprint };
    return { epoch, seq: this.#provenTo, fingerprint: 0 };
  }

  /** Whether the payload of the room's newest message was left where it is, because it is large: no cursor can name it yet. */
  get unseen(): boolean {
    return this.#last.seq !== 0 && this.#last.fingerprint === 0 && this.#lastHeld;
  }

  /**
   * Subscribes first, then asks the leader for the head, then applies what was set aside.
   * @throws when NATS cannot be asked; the timeline is then closed
   */
  async open(): Promise<void> {
    const sink: FeedSink = {
      reliable: (message) => this.#receive(message),
      doubtful: () => void this.check(),
      ephemeral: (message) => this.#listener.ephemeral(message),
    };
    const interruptions = this.#interruptions;
    try {
      const feed = await this.#upstream.openFeed(this.#room, sink);
      this.#feed = feed;
      if (this.#isClosed()) {
        feed.close();
        return;
      }
      const end = await this.#upstream.roomEnd(this.#room);
      if (this.#isClosed()) return;
      this.#begin(end);
      if (this.#drained() && interruptions === this.#interruptions) this.#beginFollowing();
      else this.#startRepair();
      this.#schedule.start();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#mode = { kind: 'closed' };
    this.#closing.abort();
    this.#schedule.stop();
    this.#feed?.close();
  }

  /**
   * Checks until the room has come to a position that it does not know, or the leader has said often enough that the
   * stream does not go so far: a new leader may lag for a moment, and a mirror for as long as its origin cannot be asked. Never
   * rejects.
   */
  async reach({ epoch, seq }: Position): Promise<void> {
    for (let retries = 0; !this.#isClosed(); retries++) {
      await this.check();
      const beyond = epoch === this.#era.epoch && seq > this.#provenTo;
      if (!beyond || (retries >= REWIND_CONFIRMATIONS && !(await this.#mayCome(seq)))) return;
      await this.#pause(Math.min(RETRY_MS.first * 2 ** retries, RETRY_MS.max));
    }
  }

  /** As long as nobody can say that the stream does not go so far, it may. */
  #mayCome(seq: number): Promise<boolean> {
    return this.#upstream.isYetToCome(seq).catch(() => true);
  }

  /** Whether the log's end is known to be the room's: what a viewer is told of it can be proven. */
  get verified(): boolean {
    return this.#mode.kind === 'following' && !this.#suspended;
  }

  /** The stream cannot be asked: what is known is not to be told as if it were proven, until {@link distrust}. */
  suspend(): void {
    this.#suspended = true;
  }

  /** The feed was interrupted: what it says is set aside until the leader has told where it goes on. */
  distrust(): void {
    this.#suspended = false;
    this.#interruptions++;
    if (this.#mode.kind === 'following') this.#startRepair();
  }

  get #known(): Known {
    return { last: this.#last, provenTo: this.#provenTo };
  }

  #isClosed(): boolean {
    return this.#mode.kind === 'closed';
  }

  #receive(message: FeedMessage): void {
    if (this.#mode.kind === 'repairing') {
      this.#mode.buffer.push(message);
    } else if (this.#mode.kind === 'following') {
      if (this.#follows(message)) this.#append(message);
      else this.#startRepair(message);
    }
  }

  /** The message names the one that the log ends with as its predecessor, and is where none was yet: nothing is between them. */
  #follows({ message, prevSeq }: FeedMessage): boolean {
    return this.#last.seq !== 0 && prevSeq === this.#last.seq && message.seq > this.#provenTo;
  }

  /** The log has the message, or no longer reaches back to it. Another in its place is no repeat: another history. */
  #isRepeat({ message: { seq, fingerprint } }: FeedMessage): boolean {
    return seq < this.#log.base || this.#log.fingerprintAt(seq) === fingerprint;
  }

  /** Whether the leader says nothing that the log does not; `asked` is what was known when it was asked. */
  #agrees({ lastSeq, last, firstSeq }: RoomEnd, asked: Known): boolean {
    const known = last && this.#log.fingerprintAt(last.seq);
    if (last === undefined || last.seq < asked.last.seq) {
      const same = known === undefined || known === last?.fingerprint;
      return !this.#lastHeld && same && lastSeq >= asked.provenTo && firstSeq <= asked.provenTo + 1;
    }
    return this.#isOurs(last);
  }

  /** Whether the log ends with the leader's newest message. Where a payload is yet to be seen, another in its place is betrayed by its time. */
  #isOurs({ seq, fingerprint, timeMs }: LastMessage): boolean {
    const known = this.#log.fingerprintAt(seq);
    if (known !== undefined && fingerprint !== 0) return known === fingerprint;
    return seq === this.#last.seq && timeMs === this.#last.timeMs;
  }

  #append({ message }: Pick<FeedMessage, 'message'>): void {
    // A message that was removed is not the one before it to everybody: who reads the stream will not see it.
    this.#log.append(message, this.#lastHeld ? this.#last.seq : 0);
    this.#last = lastOf(message);
    this.#lastHeld = true;
    this.#provenTo = Math.max(this.#provenTo, message.seq);
    this.#listener.grown();
    this.#schedule.moved();
  }

  /** Starts an era at the end of the stream as it is. */
  #begin(end: RoomEnd): void {
    const last = end.last ?? NO_MESSAGE;
    const { epoch, formerly } = end;
    this.#era = { number: this.#era.number + 1, epoch, formerly, start: 0 };
    this.#weighed = end;
    this.#restartedAt = -1;
    this.#last = last;
    this.#lastHeld = last.seq !== 0;
    this.#provenTo = Math.max(end.lastSeq, last.seq);
    this.#log = new RoomLog(this.#room, last.seq === 0 ? this.#provenTo : last.seq, last.fingerprint);
  }

  /** Continues at `position`, behind which the log cannot reach back. */
  #restartLog(position: number): void {
    this.#last = NO_MESSAGE;
    this.#lastHeld = false;
    this.#provenTo = position;
    this.#log = new RoomLog(this.#room, position, 0);
    this.#listener.grown();
  }

  #startRepair(trigger?: FeedMessage): void {
    this.#weighed = undefined;
    const buffer = this.#mode.kind === 'repairing' ? this.#mode.buffer : new FeedBuffer(BUFFER_BYTES);
    if (trigger !== undefined) buffer.push(trigger);
    this.#mode = { kind: 'repairing', buffer };
    this.#listener.repairing();
    this.#repair = this.#mendUntilWhole(buffer);
  }

  #beginFollowing(): void {
    this.#mode = { kind: 'following' };
    if (this.verified) this.#listener.verified();
  }

  /** Reads what the feed could not prove, until feed and stream meet. */
  async #mendUntilWhole(buffer: FeedBuffer): Promise<void> {
    for (let failures = 0, rewinds = 0; !this.#isClosed();) {
      const interruptions = this.#interruptions;
      const result = await this.#mend(rewinds >= REWIND_CONFIRMATIONS, buffer).catch(() => 'failed' as const);
      if (this.#isClosed()) return;
      if (result === 'mended') {
        if (this.#drained() && interruptions === this.#interruptions) {
          this.#beginFollowing();
          return;
        }
        failures = rewinds = 0;
      } else {
        if (result === 'behind') rewinds++;
        await this.#pause(Math.min(RETRY_MS.first * 2 ** failures++, RETRY_MS.max));
      }
    }
  }

  /** Applies what was set aside; false when something still does not follow, so that the stream is asked again. */
  #drained(): boolean {
    if (this.#mode.kind !== 'repairing') return true;
    const { messages, complete } = this.#mode.buffer.drain();
    for (const message of messages) {
      this.#recognise([message.message]);
      if (this.#isRepeat(message)) continue;
      if (!this.#follows(message)) return false;
      this.#append(message);
    }
    return complete;
  }

  /**
   * Brings the log to the leader's head: the room itself resumes, like a viewer, from its own last message.
   * @returns `behind` when the stream seems not to hold what was seen of it, unless that is `confirmed`
   */
  async #mend(confirmed: boolean, buffer: FeedBuffer): Promise<'mended' | 'behind'> {
    const end = await this.#upstream.roomEnd(this.#room);
    if (this.#isClosed()) return 'mended';
    if (end.epoch !== this.#era.epoch && !(await this.#renamed(end))) {
      if (this.#isClosed()) return 'mended';
      this.#begin(end);
      // What was set aside may be of the stream before: no message says which it is of.
      buffer.forget();
      this.#listener.renewed();
      this.#listener.grown();
      return 'mended';
    }
    if (end.lastSeq < this.#provenTo) {
      if (confirmed) this.#rewind(end, buffer);
      return confirmed ? 'mended' : 'behind';
    }
    if (this.#agrees(end, this.#known)) {
      this.#prove(end.lastSeq, this.#lastHeld || end.last?.seq === this.#last.seq);
      return 'mended';
    }
    return this.#readUpTo(end, confirmed, buffer);
  }

  /** Whether the stream is the same under another time of creation; the era then goes on under its new name. */
  async #renamed(end: RoomEnd): Promise<boolean> {
    const { epoch, formerly } = end;
    if (!formerly.includes(this.#era.epoch) && !(await this.#holdsOurs(end))) return false;
    if (this.#isClosed()) return false;
    this.#era = {
      ...this.#era,
      epoch,
      formerly: [...new Set([...this.#era.formerly, this.#era.epoch, ...formerly])],
    };
    this.#listener.renewed();
    this.#listener.grown();
    return true;
  }

  /** Whether a stream that is older than it says holds the room's last message. */
  async #holdsOurs({ epoch, last }: RoomEnd): Promise<boolean> {
    if (this.#last.seq === 0 || last === undefined || last.seq < this.#last.seq) return false;
    const read = await readHistory(this.#upstream, this.#room, this.#last.seq);
    this.#recognise(read.messages);
    const { seq, fingerprint } = this.#last;
    const position = { epoch: this.#era.epoch, seq, fingerprint };
    return read.epoch === epoch && new HistoryPage(this.#room, read).judge(position) === 'continuous';
  }

  async #readUpTo(end: RoomEnd, confirmed: boolean, buffer: FeedBuffer): Promise<'mended' | 'behind'> {
    const target = Math.max(end.lastSeq, end.last?.seq ?? 0);
    for (;;) {
      const from = this.#placeToJudge(end);
      const read = await readHistory(this.#upstream, this.#room, from);
      if (this.#isClosed()) return 'mended';
      this.learn(read);
      switch (this.#judgeOwn(read)) {
        case 'continuous':
          break;
        case 'evicted':
          if (await this.#hasHadAll(read)) break;
          if (this.#isClosed()) return 'mended';
          this.#restartLog((read.messages.find(({ seq }) => seq > from)?.seq ?? read.upto + 1) - 1);
          break;
        case 'rewound':
          if (!confirmed) return 'behind';
          this.#rewind(end, buffer);
          continue;
        case 'recreated':
          throw new Error('the stream was created again during a repair');
      }
      if (this.#isClosed()) return 'mended';
      if (read.messages[0]?.seq !== this.#last.seq) this.#prove(this.#provenTo, false);
      const news = read.messages.filter(({ seq }) => seq > from);
      for (const message of news) this.#append({ message });
      this.#prove(read.upto, read.messages.length > 0);
      if (read.upto >= target) return 'mended';
      if (read.upto <= from)
        throw new UpstreamError('the stream ends before the place that it was said to reach');
    }
  }

  /**
   * Where to read on: from the room's last message or, as long as it has none, from where none was yet. A message that the leader has below
   * that is of another history.
   */
  #placeToJudge({ last }: RoomEnd): number {
    if (this.#last.seq !== 0) return this.#last.seq;
    const contradicted = last !== undefined && last.seq > this.#restartedAt && last.seq <= this.#provenTo;
    return contradicted ? last.seq : this.#provenTo;
  }

  /** Judges the room's own place: by its last message or, once that has expired, by what was proven since. */
  #judgeOwn(read: HistoryRead): Continuity {
    const { epoch } = this.#era;
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
    if (read.messages.some(({ seq }) => seq > read.from && seq <= this.#provenTo)) return 'rewound';
    const expired = verdict === 'evicted' && read.from < firstSeq;
    return expired
      ? judge({ epoch, seq: this.#provenTo, fingerprint: 0 }, { ...evidence, heldElsewhere: false })
      : verdict;
  }

  /**
   * Whether the room's last message was removed on its own, or with the whole room, and nothing came and went behind what was
   * proven: the stream then holds all that it had from there on.
   */
  async #hasHadAll({ from, firstSeq, upto }: HistoryRead): Promise<boolean> {
    return from >= firstSeq && (await this.#upstream.isIntact(this.#provenTo, upto));
  }

  /** Looks for the room's newest message in what was read of the stream, if its payload has not been seen: cursors can then name it. */
  learn({ epoch, messages }: Pick<HistoryRead, 'epoch' | 'messages'>): void {
    if (epoch === this.#era.epoch) this.#recognise(messages);
  }

  #recognise(messages: readonly StoredMessage[]): void {
    const { seq, fingerprint, timeMs } = this.#last;
    if (seq === 0 || fingerprint !== 0) return;
    const found = messages.find((message) => message.seq === seq && message.timeMs === timeMs);
    if (found === undefined) return;
    this.#last = lastOf(found);
    this.#log.identifyBase(seq, found.fingerprint);
    this.#listener.bookmarked();
  }

  #prove(position: number, lastHeld: boolean): void {
    const before = this.bookmark;
    this.#provenTo = Math.max(this.#provenTo, position);
    this.#lastHeld = lastHeld;
    if (this.bookmark.seq !== before.seq) this.#listener.bookmarked();
  }

  /**
   * The stream's history was replaced by an older one that has since gone its own way. Where it parted is only
   * known if the feed has shown it; viewers at least get everything behind the place where they stood.
   */
  #rewind(end: RoomEnd, buffer: FeedBuffer): void {
    const trigger = buffer.first;
    buffer.forget();
    const fromFeed = trigger !== undefined && trigger.message.seq <= this.#provenTo;
    const start = fromFeed ? trigger.message.seq - 1 : Math.min(this.#provenTo, end.lastSeq);
    this.#era = { ...this.#era, number: this.#era.number + 1, start };
    this.#listener.renewed();
    this.#restartLog(start);
    this.#restartedAt = start;
  }

  async #compare(): Promise<void> {
    for (let failures = 0; !this.#isClosed();) {
      // A repair under way may have asked the leader before this check was called for.
      await this.#repair;
      const asked = this.#known;
      const known = this.#lastHeld && !this.#doubted ? asked.last : undefined;
      const usable = !this.#doubted && (this.#weighed?.lastSeq ?? 0) >= this.#provenTo;
      const before = usable ? this.#weighed : undefined;
      const end = await this.#upstream.roomEnd(this.#room, known, before).catch(() => undefined);
      if (this.#mode.kind !== 'following') return this.#repair;
      if (end !== undefined) {
        if (known === undefined) this.#doubted = false;
        return this.#weigh(end, asked);
      }
      await this.#pause(Math.min(RETRY_MS.first * 2 ** failures++, RETRY_MS.max));
    }
  }

  async #weigh(end: RoomEnd, asked: Known): Promise<void> {
    const same = end.epoch === this.#era.epoch && end.lastSeq >= asked.provenTo;
    if (same && this.#agrees(end, asked)) {
      this.#weighed = end;
      this.#prove(end.lastSeq, this.#lastHeld || end.last?.seq === this.#last.seq);
    } else {
      this.#startRepair();
      await this.#repair;
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(this.#clock, ms, this.#closing.signal);
  }
}
