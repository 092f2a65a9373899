import type { Timer } from '../../../common/clock.ts';
import { withDeadline } from '../../../common/deadline.ts';
import { Limiter } from '../../../common/limiter.ts';
import { requireProgress } from '../../upstream/history-read.ts';
import type { StoredMessage } from '../../log/message.ts';
import type { HistoryRead, StreamState } from '../../log/evidence.ts';
import { consumerConfig } from './consumer-config.ts';
import type { Page } from './page.ts';
import type { PageReader, ReadContext } from './page-reader.ts';
import { readPages } from './page-reader.ts';
import { readHead } from './read-head.ts';

/** Pages read at once: they are held in memory until they are whole. */
const MAX_READS = 16;
/** How long what belongs to a connection that was lost is kept for the next one, in milliseconds. */
const RECONNECT_MS = 10_000;
/** A consumer waits so long for whoever reads on, in milliseconds, and so many do. */
const KEPT = { ms: 5_000, consumers: 64 };

/** What is read of a stream that had this name before the consumer was created. */
interface StreamReading {
  readonly consumer: string;
  /** Gives the pages; undefined when the consumer had nothing as it was created. */
  readonly pages: PageReader<StoredMessage> | undefined;
  /** Where the next page begins. */
  readonly from: number;
  readonly epoch: string;
  /** The stream when the consumer was created, asked at the same time; undefined for all pages but the first. */
  readonly asked: Promise<StreamState> | undefined;
  /** The stream when the page before had been read; undefined for the first. */
  readonly before: StreamState | undefined;
}
const NOTHING: Page = { messages: [], end: 'dry' };

/** A reading between two pages. */
interface Kept {
  readonly reading: StreamReading;
  readonly timer: Timer;
}

/**
 * Reads pages of rooms from the stream, with the evidence to judge them by. Whoever reads on where a page ended goes on with its consumer:
 * the message there need not come once more, and what is still to come is known to follow it.
 */
export class HistoryReader {
  readonly #context: ReadContext;
  readonly #reads = new Limiter(MAX_READS);
  /** By room; the oldest first. */
  readonly #kept = new Map<string, Kept>();

  constructor(context: ReadContext) {
    this.#context = context;
  }

  /**
   * See {@link Upstream.readHistory}.
   * @throws when nothing behind `from` can be had, and why
   */
  read(room: string, from: number): Promise<HistoryRead> {
    return this.#reads.run(async () => {
      const reading = this.#takeUp(room, from) ?? (await this.#begin(room, from));
      try {
        return await this.#readOn(room, reading);
      } finally {
        if (this.#kept.get(room)?.reading.consumer !== reading.consumer) void this.#end(reading);
      }
    });
  }

  /** Keeps nothing for whoever would read on. Its consumers are deleted with the leader's. */
  close(): void {
    for (const { reading, timer } of this.#kept.values()) {
      timer.cancel();
      reading.pages?.close();
    }
    this.#kept.clear();
  }

  async #begin(room: string, from: number): Promise<StreamReading> {
    const { leader } = this.#context;
    // Known before the consumer is created: whatever stream is created later is told from it.
    const { epoch } = leader;
    const config = consumerConfig(leader.subjects.room(room), { kind: 'seq', seq: from });
    const consumer = config.name;
    const asked = leader.state();
    // It may not be needed.
    asked.catch(() => undefined);
    const pending = await leader.createConsumer(config);
    const pages = pending === 0 ? undefined : readPages(this.#context, { consumer, from });
    return { epoch, consumer, pages, from, asked, before: undefined };
  }

  async #readOn(room: string, reading: StreamReading): Promise<HistoryRead> {
    const { from } = reading;
    const page = (await reading.pages?.next()) ?? NOTHING;
    // What has come is not thrown away with the connection by which it came; the next one proves it as well.
    await this.#up();
    const { upto, lastSeq, leader } = await this.#reach(room, reading, page);
    const after = await this.#context.leader.state();
    const { epoch, predated, firstSeq } = after;
    if (epoch !== reading.epoch) throw new Error('the stream was created again during a read');
    // Between two that agree on the end, one that lags may have been asked what follows the page.
    if (page.end === 'dry' && (after.leader !== leader || after.lastSeq < lastSeq))
      throw new Error('the leader of the stream changed during a read');
    requireProgress({ from, upto, lastSeq });
    // The consumer passes over what was purged without a word; the message at the beginning shows it, if it is gone, too.
    const held = mayHaveLost(reading.before, after) ? await this.#firstHeld(from, room) : from;
    // What has gone meanwhile may have had neighbours that were gone before they could be read.
    const first = Math.max(firstSeq, held ?? Infinity);
    const messages = page.messages.filter(({ seq }) => seq >= first);
    const missing = messages[0]?.seq !== from && from >= firstSeq;
    const fromHeldElsewhere = missing && (await this.#firstHeld(from)) === from;
    if (page.end === 'full' && held === from) this.#keep(room, reading, page, after);
    return { epoch, predated, from, messages, upto, lastSeq, firstSeq, fromHeldElsewhere };
  }

  /** How far a page is complete. The server of the consumer may lag; the leader does not. */
  async #reach(
    room: string,
    { from, asked }: StreamReading,
    { messages, end }: Page,
  ): Promise<Pick<HistoryRead, 'upto' | 'lastSeq'> & Pick<StreamState, 'leader'>> {
    const last = messages.at(-1)?.seq;
    if (end !== 'dry') return { upto: last ?? from, lastSeq: last ?? from };
    const { lastSeq, leader } = await (asked ?? this.#context.leader.state());
    // A new leader that lags must not say that there is nothing.
    if (lastSeq < from) throw new Error(`the stream ends at ${lastSeq}, before ${from}`);
    const next = await this.#context.leader.nextSeq(room, last === undefined ? from : last + 1);
    const seen = last ?? from;
    return { upto: next === undefined ? Math.max(lastSeq, seen) : seen, lastSeq, leader };
  }

  /**
   * Sequence of the first message of the room, or of whatever room, that the stream holds at or after `seq`. Its payload is not asked for: it
   * may take long. A replica that lags may at most not know of a deletion.
   */
  async #firstHeld(seq: number, room?: string): Promise<number | undefined> {
    if (seq <= 0) return undefined;
    const subject = room === undefined ? undefined : this.#context.leader.subjects.room(room);
    return (await readHead(this.#context, consumerConfig(subject, { kind: 'seq', seq })))?.seq;
  }

  async #up(): Promise<void> {
    const { connection, clock } = this.#context;
    if (connection.up) return;
    await withDeadline({ clock, ms: RECONNECT_MS }, (signal) => connection.whenUp(signal));
  }

  async #end({ consumer, pages }: StreamReading): Promise<void> {
    pages?.close();
    await this.#up().catch(() => undefined);
    await this.#context.leader.deleteConsumer(consumer);
  }

  #takeUp(room: string, from: number): StreamReading | undefined {
    const kept = this.#kept.get(room);
    if (kept?.reading.from !== from || kept.reading.pages?.failed === true) return undefined;
    kept.timer.cancel();
    this.#kept.delete(room);
    return kept.reading;
  }

  #keep(room: string, begun: StreamReading, { messages }: Page, before: StreamState): void {
    const last = messages.at(-1);
    if (last === undefined) return;
    void this.#drop(room);
    const reading = { ...begun, from: last.seq, asked: undefined, before };
    const timer = this.#context.clock.after(KEPT.ms, () => void this.#drop(room));
    this.#kept.set(room, { reading, timer });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT.consumers && oldest !== undefined) void this.#drop(oldest);
  }

  async #drop(room: string): Promise<void> {
    const kept = this.#kept.get(room);
    if (kept === undefined) return;
    kept.timer.cancel();
    this.#kept.delete(room);
    await this.#end(kept.reading);
  }
}

/** Whether messages can have gone from the middle: eviction, which takes the oldest, may hide that it did. */
function mayHaveLost(before: StreamState | undefined, after: StreamState): boolean {
  if (before === undefined || (before.deleted === 0 && after.deleted === 0)) return false;
  return after.deleted !== before.deleted || after.firstSeq !== before.firstSeq;
}
