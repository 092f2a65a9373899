import type { Timer } from '../../common/clock.ts';
import { Limiter } from '../../common/limiter.ts';
import { requireProgress } from '../core/history-read.ts';
import type { HistoryRead, StreamState } from '../core/upstream.ts';
import { consumerConfig } from './consumer-config.ts';
import type { Page, ReadContext, Reading } from './page-reader.ts';
import { readFirst, readPage } from './page-reader.ts';

/** Pages read at once: they are held in memory until they are whole. */
const MAX_READS = 16;
/** How long what belongs to a connection that was lost is kept for the next one, in milliseconds. */
const RECONNECT_MS = 10_000;
/** A consumer waits so long for whoever reads on, in milliseconds, and so many do. */
const KEPT = { ms: 5_000, consumers: 64 };

/** What is read of a stream that had this name before the consumer was created. */
interface StreamReading extends Reading {
  readonly epoch: string;
  /** The stream when the page before had been read; undefined for the first. */
  readonly before: StreamState | undefined;
  /** Its consumer had nothing when it was created. */
  readonly empty: boolean;
}
const NOTHING: Page = { messages: [], end: 'dry', delivered: 0 };

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
  /** Of the stream when it was last asked. */
  #epoch: string | undefined;

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
        if (this.#kept.get(room)?.reading.consumer !== reading.consumer) void this.#delete(reading.consumer);
      }
    });
  }

  /** Leaves no consumer behind, if NATS can be asked. */
  async close(): Promise<void> {
    const drops = [...this.#kept.keys()].map((room) => this.#drop(room));
    if (this.#context.upline.up) await Promise.all(drops);
  }

  async #begin(room: string, from: number): Promise<StreamReading> {
    const { leader } = this.#context;
    // Known before the consumer is created: whatever stream is created later is told from it.
    const epoch = this.#epoch ?? (await this.#state()).epoch;
    const config = consumerConfig(leader.subjects.room(room), { kind: 'seq', seq: from });
    const pending = await leader.createConsumer(config);
    return {
      epoch,
      consumer: config.name,
      from,
      delivered: 0,
      last: undefined,
      before: undefined,
      empty: pending === 0,
    };
  }

  async #readOn(room: string, reading: StreamReading): Promise<HistoryRead> {
    const { from } = reading;
    const page = reading.empty ? NOTHING : await readPage(this.#context, reading);
    // What has come is not thrown away with the connection by which it came; the next one proves it as well.
    await this.#up();
    const { upto, lastSeq } = await this.#reach(room, from, page);
    const after = await this.#state();
    const { epoch, predated, firstSeq } = after;
    if (epoch !== reading.epoch) throw new Error('the stream was created again during a read');
    requireProgress({ from, upto, lastSeq });
    // The consumer passes over what was purged without a word; the message at the beginning shows it, if it is gone, too.
    const gone = mayHaveLost(reading.before, after) && !(await this.#holds(from, room)) ? from : undefined;
    // What has been evicted meanwhile may have had neighbours that were evicted before they could be read.
    const messages = page.messages.filter(({ seq }) => seq >= firstSeq && seq !== gone);
    const missing = messages[0]?.seq !== from && from >= firstSeq;
    const fromHeldElsewhere = missing && (await this.#holds(from));
    if (page.end === 'full') this.#keep(room, reading, page, after);
    return { epoch, predated, from, messages, upto, lastSeq, firstSeq, fromHeldElsewhere };
  }

  /** How far a page is complete. The server of the consumer may lag; the leader does not. */
  async #reach(
    room: string,
    from: number,
    { messages, end }: Page,
  ): Promise<Pick<HistoryRead, 'upto' | 'lastSeq'>> {
    const last = messages.at(-1)?.seq;
    if (end !== 'dry') return { upto: last ?? from, lastSeq: last ?? from };
    const { lastSeq } = await this.#state();
    // A new leader that lags must not say that there is nothing.
    if (lastSeq < from) throw new Error(`the stream ends at ${lastSeq}, before ${from}`);
    const next = await this.#context.leader.nextSeq(room, last === undefined ? from : last + 1);
    const seen = last ?? from;
    return { upto: next === undefined ? Math.max(lastSeq, seen) : seen, lastSeq };
  }

  /**
   * Whether the stream holds a message of the room, or of whatever room, at `seq`. Its payload is not asked for: it may take long. A replica that lags may
   * at most not know of a deletion.
   */
  async #holds(seq: number, room?: string): Promise<boolean> {
    const subject = room === undefined ? undefined : this.#context.leader.subjects.room(room);
    const config = consumerConfig(subject, { kind: 'seq', seq });
    return seq > 0 && (await readFirst(this.#context, config)) === seq;
  }

  async #state(): Promise<StreamState> {
    const state = await this.#context.leader.state();
    this.#epoch = state.epoch;
    return state;
  }

  async #up(): Promise<void> {
    const { upline } = this.#context;
    if (!upline.up) await upline.whenUp(AbortSignal.timeout(RECONNECT_MS));
  }

  async #delete(consumer: string): Promise<void> {
    await this.#up().catch(() => undefined);
    await this.#context.leader.deleteConsumer(consumer);
  }

  #takeUp(room: string, from: number): StreamReading | undefined {
    const kept = this.#kept.get(room);
    if (kept?.reading.from !== from) return undefined;
    kept.timer.cancel();
    this.#kept.delete(room);
    return kept.reading;
  }

  #keep(room: string, begun: StreamReading, { messages, delivered }: Page, before: StreamState): void {
    const last = messages.at(-1);
    if (last === undefined) return;
    void this.#drop(room);
    const reading = { ...begun, from: last.seq, delivered, last, before, empty: false };
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
    await this.#delete(kept.reading.consumer);
  }
}

/** Whether messages can have gone from the middle: eviction, which takes the oldest, may hide that it did. */
function mayHaveLost(before: StreamState | undefined, after: StreamState): boolean {
  if (before === undefined || (before.deleted === 0 && after.deleted === 0)) return false;
  return after.deleted !== before.deleted || after.firstSeq !== before.firstSeq;
}
