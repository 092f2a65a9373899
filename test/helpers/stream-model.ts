import { isDeepStrictEqual } from 'node:util';
import { fingerprint } from '../../server/log/fingerprint.ts';
import type {
  EphemeralMessage,
  LastMessage,
  MessageContent,
  StoredMessage,
} from '../../server/log/message.ts';
import { lastOf } from '../../server/log/message.ts';
import type { Position } from '../../server/log/position.ts';
import { UpstreamError } from '../../server/upstream/upstream-error.ts';
import type { FeedMessage, HistoryRead, RoomEnd } from '../../server/log/evidence.ts';
import type { Feed, FeedSink, StreamStart, Upstream } from '../../server/upstream/upstream.ts';

/** A message of the stream and its room. */
export interface Held extends StoredMessage {
  readonly room: string;
}

/** One answer or feed message on its way. */
interface OnTheWay {
  readonly room: string;
  readonly message: FeedMessage;
}

/** A message that was stored, and when in the life of its stream. */
export interface Stored extends Held {
  readonly epoch: string;
  /** How often the stream had been rewound by then. */
  readonly history: number;
}

/** The stream at one moment. */
export interface Snapshot {
  readonly epoch: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly held: readonly Held[];
}

/**
 * The core's port to NATS as a model in memory: one stream with rooms in it, whose feed can lose, repeat, reorder and
 * delay, and whose leader can be away, slow, or behind. Everything happens when the test says so.
 */
export class StreamModel implements Upstream {
  /** Every message ever stored, those that were let go included. */
  readonly stored: Stored[] = [];
  /** Identifiers of messages that the stream was without at some time after they were stored. */
  readonly letGo = new Set<string>();
  /** How often each incarnation was restored from a snapshot, and up to where it then went, oldest first. */
  readonly rewinds: { readonly epoch: string; readonly after: number }[] = [];
  /** Messages that a page of history holds at most. */
  pageSize = 3;
  /** Payload that ends a page, in bytes; that of the message where the page begins does not count. */
  pageBytes = Infinity;
  /** Messages that the next pages bring at most, whatever they could hold: the link was slow. */
  readonly shortPages: number[] = [];
  /** Whether the leader says of newest messages only that they are there, as if they were large. */
  endsUnseen = false;
  /** `held`: what is stored waits in `onTheWay` until the test delivers or loses it. */
  feed: 'delivered' | 'held' = 'delivered';
  onTheWay: OnTheWay[] = [];
  /** `away`: every question is rejected. */
  leader: 'present' | 'away' = 'present';
  /** Called when a question has been asked, before it is answered: the moment for the world to change. */
  asked: (question: 'end' | 'history' | 'intact' | 'locate' | 'feed') => void = () => undefined;
  /** Answers that wait for the test; undefined when they come at once. */
  #withheld: (() => void)[] | undefined;
  #stale: Snapshot | undefined;
  #incarnation = 1;
  #predated = false;
  #formerly: readonly string[] = [];
  #firstSeq = 1;
  #lastSeq = 0;
  #held: Held[] = [];
  /** How far the present incarnation's oldest message has ever been. */
  #overtaken = 0;
  /** What was removed from the present incarnation, by purges or one by one. */
  readonly #removed = new Set<number>();
  readonly #sinks = new Map<string, Set<FeedSink>>();
  readonly questions = { end: 0, history: 0, intact: 0, locate: 0, feed: 0 };

  get epoch(): string {
    return `LIVE@${this.#incarnation}`;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Open feeds. */
  get feeds(): number {
    return [...this.#sinks.values()].reduce((sum, sinks) => sum + sinks.size, 0);
  }

  /** Sequences of a room's messages held now. */
  heldOf(room: string): number[] {
    return inRoom(this.#held, room).map(({ seq }) => seq);
  }

  /** The identifier of the message held at `seq`; empty when there is none. */
  idOf(seq: number): string {
    return this.#held.find((held) => held.seq === seq)?.content.id ?? '';
  }

  /** Whether the stream holds a message of any room at `seq`. */
  holds(seq: number): boolean {
    return this.#held.some((message) => message.seq === seq);
  }

  /**
   * Whether nobody can tell any more which of the stream's histories a place is of: it has several, and has let go of what
   * one of them had there.
   */
  hasForgotten({ epoch, seq }: { readonly epoch: string; readonly seq: number }): boolean {
    if (this.#rewound === 0 || epoch !== this.epoch) return false;
    return this.#removed.has(seq) || seq < this.#overtaken;
  }

  /** The cursor of whoever has had the message held at `seq`. */
  positionOf(seq: number): Position {
    const message = this.#held.find((held) => held.seq === seq);
    return { epoch: this.epoch, seq, fingerprint: message?.fingerprint ?? 0 };
  }

  /** Stores a message; its feed message is delivered, or waits in `onTheWay`. */
  publish(room: string, text: string, headers: MessageContent['headers'] = [], type = 'gift'): number {
    const payload = Buffer.from(text);
    const seq = ++this.#lastSeq;
    const content = { id: `m${this.stored.length}`, type, sender: 's', payload, headers };
    // What another history has at the same place was stored at another time.
    const timeMs = seq * 1000 + this.rewinds.length + this.#incarnation - 1;
    const message: Held = { room, seq, fingerprint: fingerprint(content), content, timeMs };
    // As JetStream says it: the newest message of the subject that is still held.
    const prevSeq = inRoom(this.#held, room).at(-1)?.seq ?? 0;
    this.#held.push(message);
    this.stored.push({ ...message, epoch: this.epoch, history: this.#rewound });
    const onTheWay = { room, message: { message, prevSeq } };
    if (this.feed === 'held') this.onTheWay.push(onTheWay);
    else this.#deliver(onTheWay);
    return seq;
  }

  /** Sends an ephemeral message to the room's feed. */
  ephemeral(room: string, text: string): void {
    const content = { id: '', type: 'comment', sender: 's', payload: Buffer.from(text), headers: [] };
    const message: EphemeralMessage = { content, timeMs: 1 };
    for (const sink of this.#sinksOf(room)) sink.ephemeral(message);
  }

  /** Delivers what is on the way at `index` (the oldest by default), once more if `repeated`. */
  deliver(index = 0, repeated = false): void {
    const [next] = this.onTheWay.splice(index, 1);
    if (next === undefined) return;
    this.#deliver(next);
    if (repeated) this.#deliver(next);
  }

  /** Loses what is on the way at `index` (the oldest by default). */
  lose(index = 0): void {
    this.onTheWay.splice(index, 1);
  }

  loseAll(): void {
    this.onTheWay = [];
  }

  deliverAll(): void {
    while (this.onTheWay.length > 0) this.deliver();
  }

  /** Hands something to the room's feed that the stream need not hold. */
  inject(room: string, message: FeedMessage): void {
    this.#deliver({ room, message });
  }

  /** The stream's limits let go of everything before `firstSeq`. */
  evictBefore(firstSeq: number): void {
    const first = Math.min(firstSeq, this.#lastSeq + 1);
    this.#firstSeq = Math.max(this.#firstSeq, first);
    this.#keep(({ seq }) => seq >= this.#firstSeq);
    this.#noteFirst();
  }

  /** Everything has expired. */
  evictAll(): void {
    this.evictBefore(this.#lastSeq + 1);
  }

  /** Removes a room's messages before `seq`, as `nats stream purge --subject` does. */
  purge(room: string, seq = Infinity): void {
    this.#remove((message) => message.room === room && message.seq < seq);
  }

  /** Removes one message, as `nats stream rmm` does. */
  delete(seq: number): void {
    this.#remove((message) => message.seq === seq);
  }

  /** Deletes one message on its own. */
  remove(seq: number): void {
    this.#held = this.#held.filter((message) => message.seq !== seq);
  }

  /** Deletes the stream and creates it again. */
  recreate(): void {
    this.#incarnation++;
    this.#predated = false;
    this.#formerly = [];
    this.#firstSeq = 1;
    this.#lastSeq = 0;
    this.#overtaken = 0;
    this.#removed.clear();
    this.#keep(() => false);
  }

  /** What a backup of the stream holds. */
  snapshot(): Snapshot {
    return { epoch: this.epoch, firstSeq: this.#firstSeq, lastSeq: this.#lastSeq, held: [...this.#held] };
  }

  /** Restores the same stream from a snapshot of it: what had been let go since is back, what was stored since is gone. */
  restore({ firstSeq, lastSeq, held }: Snapshot): void {
    this.rewinds.push({ epoch: this.epoch, after: lastSeq });
    const ids = new Set(held.map(({ content }) => content.id));
    this.#keep(({ content }) => ids.has(content.id));
    this.#held = [...held];
    this.#firstSeq = firstSeq;
    this.#lastSeq = lastSeq;
    this.#noteFirst();
  }

  /** Restores the same stream from a snapshot that ended at `lastSeq`. */
  rewindTo(lastSeq: number): void {
    const now = this.snapshot();
    const held = now.held.filter(({ seq }) => seq <= lastSeq);
    this.restore({ ...now, lastSeq, held, firstSeq: Math.min(now.firstSeq, lastSeq + 1) });
  }

  /** From now on the leader answers as of this moment: it was just elected and lags. */
  freezeLeader(): void {
    this.#stale = this.snapshot();
  }

  thawLeader(): void {
    this.#stale = undefined;
  }

  /** Answers wait until {@link answer}. */
  withholdAnswers(): void {
    this.#withheld ??= [];
  }

  /** Gives the answer that was asked for first. */
  answer(): void {
    this.#withheld?.shift()?.();
  }

  /** Gives all answers, and from now on at once. */
  answerAll(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const give of withheld) give();
  }

  openFeed(room: string, sink: FeedSink): Promise<Feed> {
    return this.#ask('feed', () => {
      const sinks = this.#sinks.get(room) ?? new Set();
      this.#sinks.set(room, sinks);
      sinks.add(sink);
      return { close: () => void sinks.delete(sink) };
    });
  }

  roomEnd(room: string, _known?: LastMessage, before?: RoomEnd): Promise<RoomEnd> {
    return this.#ask('end', ({ epoch, firstSeq, lastSeq, held }) => {
      const formerly = this.#formerly;
      const deleted = held.length === 0 ? 0 : lastSeq - firstSeq + 1 - held.length;
      // The time of a real stream has nanoseconds: no two messages have the same.
      const lastTime = `${held.at(-1)?.timeMs} ${held.at(-1)?.fingerprint}`;
      const stream = { epoch, formerly, predated: false, firstSeq, lastSeq, deleted, lastTime };
      if (before?.stream !== undefined && isDeepStrictEqual(before.stream, stream)) return before;
      return { epoch, formerly, firstSeq, lastSeq, last: this.#newestOf(held, room), stream };
    });
  }

  readHistory(room: string, from: number): Promise<HistoryRead> {
    return this.#ask('history', ({ epoch, firstSeq, lastSeq, held }) => {
      if (lastSeq < from) throw new Error('the stream ends before the place to read from');
      const all = inRoom(held, room).filter(({ seq }) => seq >= from);
      const messages = this.#pageOf(all, from);
      const complete = messages.length === all.length;
      return {
        epoch,
        predated: this.#predated,
        from,
        messages,
        upto: Math.max(complete ? lastSeq : (messages.at(-1)?.seq ?? from), from),
        lastSeq,
        firstSeq,
        fromHeldElsewhere: messages[0]?.seq !== from && held.some(({ seq }) => seq === from),
      };
    });
  }

  /** The model is a copy that lags behind a stream that ends here; 0: it is the stream itself. */
  copiedFrom = 0;

  isYetToCome(seq: number): Promise<boolean> {
    if (this.leader === 'away') return Promise.reject(new Error('NATS is away'));
    return Promise.resolve(this.copiedFrom >= seq);
  }

  isIntact(after: number, upto: number): Promise<boolean> {
    return this.#ask('intact', ({ held }) => {
      const within = held.filter(({ seq }) => seq > after && seq <= upto);
      return within.length === Math.max(0, upto - after);
    });
  }

  locate(room: string, start: StreamStart): Promise<number> {
    return this.#ask('locate', ({ held, lastSeq }) => {
      const messages = inRoom(held, room);
      const before = (message: Held | undefined): number => (message?.seq ?? lastSeq + 1) - 1;
      switch (start.kind) {
        case 'earliest':
          return before(messages[0]);
        case 'seq':
          return before(messages.find(({ seq }) => seq >= start.seq));
        case 'since':
          return before(messages.find(({ timeMs }) => timeMs >= start.timeMs));
        case 'last':
          return before(messages.at(-start.count) ?? messages[0]);
      }
    });
  }

  /**
   * Gives the stream another time of creation: now, as NATS does when it restarts after the stream was edited.
   * @param known whether whoever asks is told that it is the same
   */
  rename(known = false): void {
    this.#formerly = known ? [...this.#formerly, this.epoch] : [];
    this.#incarnation++;
    this.#predated = true;
  }

  /** Answers with what the leader knows at the moment of the answer. */
  #ask<T>(
    question: 'end' | 'history' | 'intact' | 'locate' | 'feed',
    compute: (now: Snapshot) => T,
  ): Promise<T> {
    this.questions[question]++;
    return new Promise((resolve, reject) => {
      const give = (): void => {
        if (this.leader === 'away') return reject(new UpstreamError('NATS is away'));
        try {
          resolve(compute(this.#stale ?? this.snapshot()));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.asked(question);
      if (this.#withheld === undefined) give();
      else this.#withheld.push(give);
    });
  }

  /** How often the present incarnation was rewound. */
  get #rewound(): number {
    return this.rewinds.filter(({ epoch }) => epoch === this.epoch).length;
  }

  #remove(goes: (message: Held) => boolean): void {
    for (const message of this.#held) if (goes(message)) this.#removed.add(message.seq);
    this.#keep((message) => !goes(message));
    this.#firstSeq = this.#held[0]?.seq ?? this.#lastSeq + 1;
    this.#noteFirst();
  }

  #noteFirst(): void {
    this.#overtaken = Math.max(this.#overtaken, this.#firstSeq);
  }

  #keep(stays: (message: Held) => boolean): void {
    for (const message of this.#held) if (!stays(message)) this.letGo.add(message.content.id);
    this.#held = this.#held.filter(stays);
  }

  /** How many of a room's messages from `from` on a page has room for. */
  #pageOf(all: readonly Held[], from: number): readonly Held[] {
    let bytes = 0;
    const end = all.findIndex(({ seq, content }) => {
      if (seq > from) bytes += content.payload.length;
      return bytes >= this.pageBytes;
    });
    const room = Math.min(this.pageSize, end < 0 ? Infinity : end + 1);
    // What is at the cursor comes in any case: without it nothing could be said of the cursor.
    return all.slice(0, Math.max(this.shortPages.shift() ?? room, all[0]?.seq === from ? 1 : 0));
  }

  #newestOf(held: readonly Held[], room: string): LastMessage | undefined {
    const newest = inRoom(held, room).at(-1);
    return newest && { ...lastOf(newest), ...(this.endsUnseen ? { fingerprint: 0 } : {}) };
  }

  #deliver({ room, message }: OnTheWay): void {
    for (const sink of this.#sinksOf(room)) {
      // The core must not keep what it is given: the NATS client uses the bytes again.
      const payload = Uint8Array.from(message.message.content.payload);
      const content = { ...message.message.content, payload };
      sink.reliable({ ...message, message: { ...message.message, content } });
      payload.fill(0);
    }
  }

  #sinksOf(room: string): FeedSink[] {
    return [...(this.#sinks.get(room) ?? [])];
  }
}

function inRoom(held: readonly Held[], room: string): Held[] {
  return held.filter((message) => message.room === room);
}
