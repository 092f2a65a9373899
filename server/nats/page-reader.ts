import type { Msg, Subscription } from 'nats';
import { createInbox, nanos } from 'nats';
import type { Clock, Timer } from '../../common/clock.ts';
import type { StoredMessage } from '../core/message.ts';
import type { AckSubject } from './ack-subject.ts';
import { parseAckSubject } from './ack-subject.ts';
import type { Upline } from './connection.ts';
import type { NamedConsumer, StreamLeader } from './leader.ts';
import { headerLines, sizeOf } from './header-lines.ts';
import { decodeStored } from './message-codec.ts';
import { ReadFlow } from './read-flow.ts';
import type { ReadWindow } from './read-window.ts';

/**
 * A page is full when it holds so much, or has taken so long: what is on its way then still comes. The message at its beginning does not
 * count, whoever reads on has had it; a page that it would make the most of goes on for longer, up to so many times its size.
 */
const PAGE = { bytes: 1024 * 1024, ms: 4_000, timesFirst: 8 };
/** More messages than any pull has room for: only its bytes limit it. */
const BATCH = 65_536;
/**
 * A pull for which there is nothing ends after so long, in milliseconds. A read that then hears nothing for a while longer has lost it.
 */
const PULL_MS = { expires: 2_000, silence: 3_000 };
/** What the server counts of a message beside what its `max_payload` limits: two subjects, more or less. */
const SUBJECTS_BYTES = 512;

/** What reads need. */
export interface ReadContext {
  readonly upline: Upline;
  readonly leader: StreamLeader;
  readonly window: ReadWindow;
  readonly clock: Clock;
}

/** A consumer, and how far it has been read. */
export interface Reading {
  readonly consumer: string;
  /** The read is of what is at or after this sequence. */
  readonly from: number;
  /** Messages that have come so far. */
  readonly delivered: number;
  /** The one that came last, at `from`: it is not read again. */
  readonly last: StoredMessage | undefined;
}

/** Messages of a room, in order and without a hole from where the read began. */
export interface Page {
  readonly messages: readonly StoredMessage[];
  /**
   * - `full`: it can be read on;
   * - `dry`: nothing is behind them, as far as the server of the consumer knows: it may be a replica that lags;
   * - `broken`: more would have come, but not by this consumer.
   */
  readonly end: 'full' | 'dry' | 'broken';
  /** See {@link Reading.delivered}. */
  readonly delivered: number;
}

/**
 * Reads a page of what a consumer has. What has come is kept, whatever happens then.
 * @throws when nothing has come behind the place where the read begins, and why
 */
export function readPage(context: ReadContext, reading: Reading): Promise<Page> {
  return new PageRead(context, reading, PAGE.bytes).run();
}

/**
 * Sequence of the first message that a consumer has, without its payload, or undefined when it has none.
 * @throws when it does not come, and why
 */
export async function readFirst(context: ReadContext, config: NamedConsumer): Promise<number | undefined> {
  const page = await context.leader.withConsumer({ ...config, headers_only: true }, (pending) => {
    if (pending === 0) return Promise.resolve(undefined);
    const reading = { consumer: config.name, from: 0, delivered: 0, last: undefined };
    return new PageRead(context, reading, 1).run();
  });
  return page?.messages[0]?.seq;
}

/** One page being read: pulls of what the window allows, until the page is full. */
class PageRead {
  readonly #upline: Upline;
  readonly #clock: Clock;
  readonly #flow: ReadFlow;
  readonly #from: number;
  /** How much it is to hold. */
  readonly #size: number;
  readonly #requestSubject: string;
  readonly #inbox = createInbox();
  /** Bytes asked for by each pull, by its number. */
  readonly #pulls: number[] = [];
  readonly #messages: StoredMessage[] = [];
  readonly #page: Promise<Page>;
  #resolve: (page: Page) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;
  #subscription: Subscription | undefined;
  #unlisten: () => void = () => undefined;
  #watch: Timer | undefined;
  /** Of what is behind the beginning, and of the message there. */
  #bytes = 0;
  #firstBytes = 0;
  /** Of the message that came last: the next is perhaps as large. */
  #lastBytes = 0;
  #delivered: number;
  #statuses = 0;
  #startedMs = Infinity;
  /** The next message is larger than what a pull has asked for: it is to be asked for alone, whatever its size. */
  #tooLarge = false;
  /** A message was asked for alone: it, and nothing else, is on its way. */
  #alone = false;
  #asking = false;
  #ended = false;

  /** @param size bytes behind the beginning that make a full page */
  constructor({ upline, leader, window, clock }: ReadContext, reading: Reading, size: number) {
    const { consumer, from, delivered, last } = reading;
    this.#upline = upline;
    this.#clock = clock;
    this.#flow = new ReadFlow(window, clock);
    this.#from = from;
    this.#delivered = delivered;
    if (last !== undefined) {
      this.#messages.push(last);
      this.#lastBytes = last.content.payload.length;
    }
    this.#size = size;
    this.#requestSubject = `${leader.api}.CONSUMER.MSG.NEXT.${leader.stream}.${consumer}`;
    this.#page = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  run(): Promise<Page> {
    this.#unlisten = this.#upline.onChange(() =>
      this.#broken(new Error('the NATS connection was lost during a read')),
    );
    this.#watch = this.#clock.every(PULL_MS.silence, this.#silenceWatch());
    this.#subscription = this.#upline.nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        // A throw here would kill the connection's reader without a word.
        try {
          if (error !== null) throw error;
          if (!this.#ended) this.#receive(message);
        } catch (cause) {
          this.#broken(cause instanceof Error ? cause : new Error(String(cause)));
        }
      },
    });
    void this.#ask();
    return this.#page;
  }

  #receive(message: Msg): void {
    if (message.reply === undefined || message.reply === '') this.#receiveStatus(message);
    else this.#receiveMessage(message, parseAckSubject(message.reply));
    if (!this.#ended) this.#goOn();
  }

  #receiveMessage(message: Msg, { seq, timeMs, delivered, pending }: AckSubject): void {
    if (delivered !== ++this.#delivered) throw new Error('a message was lost on its way from the stream');
    const headers = headerLines(message);
    const bytes = message.subject.length + (message.reply?.length ?? 0) + sizeOf(message);
    this.#flow.arrived(this.#alone ? this.#flow.underWay : bytes);
    this.#alone = this.#tooLarge = false;
    this.#lastBytes = bytes;
    if (seq > this.#from) this.#bytes += bytes;
    else this.#firstBytes = bytes;
    // The payload is a view of the socket's chunk, which is not used again: it lasts until the page is encoded. A replica that
    // lags begins before what it does not have yet.
    if (seq >= this.#from) this.#messages.push(decodeStored(seq, timeMs, headers, message.data));
    if (pending === 0) this.#end('dry');
  }

  /** A pull has ended without the bytes that it asked for. */
  #receiveStatus({ subject, headers }: Msg): void {
    this.#statuses++;
    const asked = this.#pulls[Number(subject.slice(this.#inbox.length + 1))] ?? 0;
    const left = Number(headers?.get('Nats-Pending-Bytes'));
    switch (`${headers?.code} ${headers?.description}`) {
      case '409 Message Size Exceeds MaxBytes':
        this.#flow.arrived(left);
        if (left >= asked) this.#tooLarge = true;
        return;
      case '408 Request Timeout':
        this.#flow.unused(this.#alone ? asked : left);
        this.#alone = false;
        if (this.#flow.underWay === 0) this.#end('dry');
        return;
      default:
        throw new Error(`no messages from the stream: ${headers?.code} ${headers?.description}`);
    }
  }

  #goOn(): void {
    if (this.#asking) return;
    if (this.#wantsMore()) void this.#ask();
    else if (this.#flow.underWay === 0) this.#end('full');
  }

  /** What the next pull should have room for. */
  get #least(): number {
    return (this.#tooLarge ? (this.#upline.nc.info?.max_payload ?? 0) : this.#lastBytes) + SUBJECTS_BYTES;
  }

  #wantsMore(): boolean {
    if (this.#tooLarge && this.#flow.underWay > 0) return false;
    if (this.#bytes === 0) return this.#flow.underWay < this.#size;
    const tookMs = this.#clock.monotonicMs() - this.#startedMs;
    const late = tookMs >= PAGE.ms && this.#bytes >= PAGE.timesFirst * this.#firstBytes;
    // Where there is no room for half of it, a pull is not worth its while.
    const half = Math.max(this.#flow.share, this.#least) / 2;
    return !late && this.#bytes + this.#flow.underWay + half <= this.#size;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    while (this.#wantsMore()) {
      const alone = this.#tooLarge;
      const bytes = await this.#flow.take(this.#least, this.#size - this.#bytes - this.#flow.underWay);
      if (bytes === undefined) return;
      if (alone === this.#tooLarge) this.#pull(bytes);
      else this.#flow.unused(bytes);
    }
    this.#asking = false;
    this.#goOn();
  }

  #pull(bytes: number): void {
    this.#startedMs = Math.min(this.#startedMs, this.#clock.monotonicMs());
    this.#alone = this.#tooLarge;
    const amount = this.#alone ? { batch: 1 } : { batch: BATCH, max_bytes: bytes };
    const request = { ...amount, expires: nanos(PULL_MS.expires) };
    const reply = `${this.#inbox}.${this.#pulls.push(bytes) - 1}`;
    this.#upline.nc.publish(this.#requestSubject, JSON.stringify(request), { reply });
  }

  /**
   * What was asked for should come, or be told not to, in time. How long the link takes for it does not count: the answer to a PING is
   * behind everything that the server has sent before.
   */
  #silenceWatch(): () => void {
    const heard = (): number => this.#delivered + this.#statuses + this.#pulls.length;
    let before = -1;
    return () => {
      const now = heard();
      if (this.#flow.underWay > 0 && now === before) {
        const silent = (): void => {
          if (now === heard()) this.#broken(new Error('the stream did not deliver in time'));
        };
        this.#upline.sync().then(silent, silent);
      }
      before = now;
    };
  }

  /** Keeps what has come. */
  #broken(reason: Error): void {
    if (this.#ended) return;
    if (this.#bytes > 0) this.#end('broken');
    else {
      this.#stop();
      this.#reject(reason);
    }
  }

  #end(end: Page['end']): void {
    this.#stop();
    this.#resolve({ messages: this.#messages, end, delivered: this.#delivered });
  }

  #stop(): void {
    this.#ended = true;
    this.#watch?.cancel();
    this.#unlisten();
    this.#subscription?.unsubscribe();
    this.#flow.close();
  }
}
