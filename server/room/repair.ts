import type { HistoryRead, RoomEnd } from '../log/evidence.ts';
import type { VerifiedLog } from '../log/verified-log.ts';
import { readHistory } from '../upstream/history-read.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { FeedBuffer } from './feed-buffer.ts';

/** Told what a repair does to the log; called synchronously. */
export interface RepairListener {
  /** There is more in the log, or its end is named differently. */
  changed(): void;
  /** The history is another one, or goes by another name: what was read of the stream before is no longer true. */
  replaced(): void;
}

/** What a repair needs. */
export interface RepairDependencies {
  readonly room: string;
  readonly log: VerifiedLog;
  readonly upstream: Upstream;
  readonly listener: RepairListener;
  /** Aborted when the room is closed: what is still answered is then not applied. */
  readonly closed: AbortSignal;
}

/** Brings a room's log to the leader's head: the room itself resumes, like a viewer, from its own last message. */
export class Repair {
  readonly #dependencies: RepairDependencies;
  readonly #log: VerifiedLog;

  constructor(dependencies: RepairDependencies) {
    this.#dependencies = dependencies;
    this.#log = dependencies.log;
  }

  /**
   * Asks the leader, and reads what the log lacks.
   * @param confirmed whether a stream that seems to have lost its end has said so often enough
   * @param buffer what the feed has brought meanwhile
   * @returns `behind` when the stream seems not to hold what was seen of it, unless that is `confirmed`
   * @throws UpstreamError, and when the stream changes during the repair: it may be tried again
   */
  async attempt(confirmed: boolean, buffer: FeedBuffer): Promise<'repaired' | 'behind'> {
    const { upstream, room } = this.#dependencies;
    const log = this.#log;
    const end = await upstream.roomEnd(room);
    if (this.#isClosed()) return 'repaired';
    if (end.epoch !== log.incarnation.epoch && !(await this.#renamed(end))) {
      if (!this.#isClosed()) this.#beginAnother(end, buffer);
      return 'repaired';
    }
    if (end.lastSeq < log.watermark) {
      if (confirmed) this.#rewind(end, buffer);
      return confirmed ? 'repaired' : 'behind';
    }
    if (!log.agreesWith(end, log.known)) return this.#readUpTo(end, confirmed, buffer);
    if (log.confirm(end)) this.#listener.changed();
    return 'repaired';
  }

  get #listener(): RepairListener {
    return this.#dependencies.listener;
  }

  #isClosed(): boolean {
    return this.#dependencies.closed.aborted;
  }

  #beginAnother(end: RoomEnd, buffer: FeedBuffer): void {
    this.#log.begin(end);
    // What was set aside may be of the stream before: no message says which it is of.
    buffer.forget();
    this.#listener.replaced();
    this.#listener.changed();
  }

  /** Whether the stream is the same under another time of creation; the incarnation then goes on under its new name. */
  async #renamed(end: RoomEnd): Promise<boolean> {
    if (!end.formerly.includes(this.#log.incarnation.epoch) && !(await this.#holdsOurs(end))) return false;
    if (this.#isClosed()) return false;
    this.#log.rename(end);
    this.#listener.replaced();
    this.#listener.changed();
    return true;
  }

  /** Whether a stream that is older than it says holds the room's last message. */
  async #holdsOurs({ epoch, last }: RoomEnd): Promise<boolean> {
    const { seq } = this.#log.last;
    if (seq === 0 || last === undefined || last.seq < seq) return false;
    const read = await readHistory(this.#dependencies.upstream, this.#dependencies.room, seq);
    if (this.#log.identify(read.messages)) this.#listener.changed();
    return read.epoch === epoch && this.#log.recognises(read);
  }

  async #readUpTo(end: RoomEnd, confirmed: boolean, buffer: FeedBuffer): Promise<'repaired' | 'behind'> {
    const { upstream, room } = this.#dependencies;
    const log = this.#log;
    const target = Math.max(end.lastSeq, end.last?.seq ?? 0);
    for (;;) {
      const from = log.placeToReadFrom(end);
      const read = await readHistory(upstream, room, from);
      if (this.#isClosed()) return 'repaired';
      if (read.epoch === log.incarnation.epoch && log.identify(read.messages)) this.#listener.changed();
      switch (log.judge(read)) {
        case 'continuous':
          break;
        case 'evicted':
          if (!(await this.#hasHadAll(read))) {
            if (this.#isClosed()) return 'repaired';
            log.restartAt((read.messages.find(({ seq }) => seq > from)?.seq ?? read.upto + 1) - 1);
          }
          if (this.#isClosed()) return 'repaired';
          break;
        case 'rewound':
          if (!confirmed) return 'behind';
          this.#rewind(end, buffer);
          continue;
        case 'recreated':
          throw new Error('the stream was created again during a repair');
      }
      log.extend(read, from);
      this.#listener.changed();
      if (read.upto >= target) return 'repaired';
      if (read.upto <= from)
        throw new UpstreamError('the stream ends before the place that it was said to reach');
    }
  }

  /**
   * Whether the room's last message was removed on its own, or with the whole room, and nothing came and went behind what was
   * proven: the stream then holds all that it had from there on.
   */
  async #hasHadAll({ from, firstSeq, upto }: HistoryRead): Promise<boolean> {
    return from >= firstSeq && (await this.#dependencies.upstream.isIntact(this.#log.watermark, upto));
  }

  /**
   * The stream's history was replaced by an older one that has since gone its own way. Where it parted is only
   * known if the feed has shown it; viewers at least get everything behind the place where they stood.
   */
  #rewind(end: RoomEnd, buffer: FeedBuffer): void {
    const { watermark } = this.#log;
    const trigger = buffer.first;
    buffer.forget();
    const fromFeed = trigger !== undefined && trigger.message.seq <= watermark;
    this.#log.rewindTo(fromFeed ? trigger.message.seq - 1 : Math.min(watermark, end.lastSeq));
    this.#listener.replaced();
    this.#listener.changed();
  }
}
