import type { Msg } from 'nats';
import { nanos } from 'nats';
import type { Clock, Timer } from '../../../common/clock.ts';
import type { StoredMessage } from '../../log/message.ts';
import type { AckSubject } from '../codec/ack-subject.ts';
import type { NatsConnection } from '../connection/connection.ts';
import type { StreamLeader } from '../stream/leader.ts';
import type { HeaderLine } from '../codec/header-lines.ts';
import { headerLines, sizeOf } from '../codec/header-lines.ts';
import { decodeStored } from '../codec/message-codec.ts';
import type { Page } from './page.ts';
import { PAGE_BYTES, PageBuffer } from './page.ts';
import { ReadFlow } from './read-flow.ts';
import type { ReadInbox } from './read-inbox.ts';
import type { ReadWindow } from './read-window.ts';

/** More messages than any pull has room for: only its bytes limit it. */
const BATCH = 65_536;
/**
 * A pull for which there is nothing ends after so long, in milliseconds. A read that then hears nothing for a while longer has lost it.
 */
const PULL_MS = { expires: 2_000, silence: 3_000 };
/** What the server counts of a message beside what its `max_payload` limits: two subjects, more or less. */
const SUBJECTS_BYTES = 512;
/** What the reading of pages needs. */
export interface PagesContext {
  readonly connection: NatsConnection;
  readonly leader: Pick<StreamLeader, 'api' | 'stream'>;
  readonly window: ReadWindow;
  readonly inbox: ReadInbox;
  readonly clock: Clock;
}

/** What reads need. */
export interface ReadContext extends PagesContext {
  readonly leader: StreamLeader;
}

/** A consumer to be read. */
export interface Reading {
  readonly consumer: string;
  /** The read is of what is at or after this sequence. */
  readonly from: number;
}

/** Makes of a message what the reader of it wants. */
export type Decode<M> = (seq: number, timeMs: number, lines: readonly HeaderLine[], payload: Uint8Array) => M;

/** Reads what a consumer has, page by page; to be closed. */
export function readPages(context: PagesContext, reading: Reading): PageReader<StoredMessage> {
  return new PageReader(context, reading, PAGE_BYTES, decodeStored);
}

/** Who waits for a page. */
interface Waiting<M> {
  resolve(page: Page<M>): void;
  reject(reason: Error): void;
}

/**
 * Pulls of what the window allows. Behind a page that is full a part of the next one is asked for at once: the link has something to carry
 * while the page is looked at. What has come is kept, whatever happens then.
 */
export class PageReader<M extends { readonly seq: number }> {
  readonly #connection: NatsConnection;
  readonly #flow: ReadFlow;
  readonly #from: number;
  /** The page that is waited for, or the next one. */
  readonly #page: PageBuffer<M>;
  readonly #decode: Decode<M>;
  readonly #requestSubject: string;
  readonly #inbox: ReadInbox;
  readonly #consumer: string;
  /** Bytes asked for by each pull, by its number. */
  readonly #pulls: number[] = [];
  readonly #unlisten: () => void;
  readonly #watch: Timer;
  #waiting: Waiting<M> | undefined;
  #delivered = 0;
  #statuses = 0;
  /** The next message is larger than what a pull has asked for: it is to be asked for alone, whatever its size. */
  #tooLarge = false;
  /** A message was asked for alone: it, and nothing else, is on its way. */
  #alone = false;
  #asking = false;
  /** Nothing more comes: there is nothing, or something stands in its way. */
  #over: 'dry' | Error | undefined;

  /** @param size bytes behind the beginning that make a full page */
  constructor(
    { connection, leader, window, inbox, clock }: PagesContext,
    { consumer, from }: Reading,
    size: number,
    decode: Decode<M>,
  ) {
    this.#connection = connection;
    this.#flow = new ReadFlow(window, clock);
    this.#from = from;
    this.#page = new PageBuffer(size, clock);
    this.#decode = decode;
    this.#requestSubject = `${leader.api}.CONSUMER.MSG.NEXT.${leader.stream}.${consumer}`;
    this.#unlisten = connection.onChange(() =>
      this.#end(new Error('the NATS connection was lost during a read')),
    );
    this.#watch = clock.every(PULL_MS.silence, this.#silenceWatch());
    this.#inbox = inbox;
    this.#consumer = consumer;
    inbox.listen(consumer, {
      message: (message, ack) => {
        this.#receiveMessage(message, ack);
        this.#goOnWithWhatCame();
      },
      status: (pull, message) => {
        this.#receiveStatus(pull, message);
        this.#goOnWithWhatCame();
      },
      failed: (error) => this.#end(error),
    });
  }

  /**
   * The next page; to be asked for when the one before has come. It begins with the message that that one has ended with.
   * @throws when nothing has come behind the place where it begins, and why
   */
  next(): Promise<Page<M>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#offer();
      this.#goOn();
    });
  }

  /** Whether the next page cannot be had. */
  get failed(): boolean {
    return this.#over instanceof Error && this.#page.bytes === 0;
  }

  /** Gives up what is on its way. */
  close(): void {
    this.#end(new Error('the read was given up'));
  }

  #goOnWithWhatCame(): void {
    this.#offer();
    this.#goOn();
  }

  #receiveMessage(message: Msg, { seq, timeMs, delivered, pending }: AckSubject): void {
    if (delivered !== ++this.#delivered) throw new Error('a message was lost on its way from the stream');
    const headers = headerLines(message);
    const bytes = message.subject.length + (message.reply?.length ?? 0) + sizeOf(message);
    this.#flow.arrived(this.#alone ? this.#flow.underWay : bytes);
    this.#alone = this.#tooLarge = false;
    this.#page.count(bytes, seq > this.#from);
    // The payload is a view of the socket's chunk, which is not used again: it lasts until the page is encoded. A replica that
    // lags begins before what it does not have yet.
    if (seq >= this.#from) this.#page.add(this.#decode(seq, timeMs, headers, message.data));
    if (pending === 0) this.#end('dry');
  }

  /** A pull has ended without the bytes that it asked for. */
  #receiveStatus(pull: number, { headers }: Msg): void {
    this.#statuses++;
    const asked = this.#pulls[pull] ?? 0;
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

  get #isFull(): boolean {
    // There is no room for the next message here: it begins the next page.
    const isCrowded = this.#tooLarge && this.#flow.underWay === 0;
    return this.#page.bytes > 0 && (isCrowded || this.#page.isFull);
  }

  /** Gives a page to who waits for it, if there is one. */
  #offer(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || (this.#over === undefined && !this.#isFull)) return;
    this.#waiting = undefined;
    if (this.#over instanceof Error && this.failed) waiting.reject(this.#over);
    else waiting.resolve(this.#cut());
  }

  /** Ends the page; the next one begins with its last message. */
  #cut(): Page<M> {
    const messages = this.#page.cut();
    if (this.#over === undefined) return { messages, end: 'full' };
    return { messages, end: this.#over === 'dry' ? 'dry' : 'broken' };
  }

  #goOn(): void {
    // A connection that has been closed meanwhile takes no pull.
    if (!this.#asking && this.#wantsMore()) this.#ask().catch((error: unknown) => this.#end(error as Error));
  }

  /** What the next pull should have room for. */
  get #least(): number {
    return (
      (this.#tooLarge ? (this.#connection.nc.info?.max_payload ?? 0) : this.#page.lastBytes) + SUBJECTS_BYTES
    );
  }

  /** How many bytes behind the beginning of the page may be asked for: while nobody waits for it, what keeps the link busy. */
  get #limit(): number {
    const ahead = Math.min(this.#flow.window, this.#page.size / 2);
    return this.#waiting === undefined ? ahead : this.#page.size + ahead;
  }

  #wantsMore(): boolean {
    if (this.#over !== undefined || (this.#tooLarge && this.#flow.underWay > 0)) return false;
    if (this.#waiting !== undefined && this.#page.bytes === 0) return this.#flow.underWay < this.#page.size;
    // Where there is no room for half of it, a pull is not worth its while.
    const half = Math.max(this.#flow.share, this.#least) / 2;
    return this.#page.bytes + this.#flow.underWay + half <= this.#limit;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    while (this.#wantsMore()) {
      const alone = this.#tooLarge;
      const bytes = await this.#flow.take(this.#least, this.#limit - this.#page.bytes - this.#flow.underWay);
      if (bytes === undefined) return;
      if (alone === this.#tooLarge) this.#pull(bytes);
      else this.#flow.unused(bytes);
    }
    this.#asking = false;
  }

  #pull(bytes: number): void {
    this.#page.begin();
    this.#alone = this.#tooLarge;
    const amount = this.#alone ? { batch: 1 } : { batch: BATCH, max_bytes: bytes };
    const request = { ...amount, expires: nanos(PULL_MS.expires) };
    const reply = this.#inbox.replyTo(this.#consumer, this.#pulls.push(bytes) - 1);
    this.#connection.nc.publish(this.#requestSubject, JSON.stringify(request), { reply });
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
          if (now !== heard()) return;
          this.#inbox.missed();
          this.#end(new Error('the stream did not deliver in time'));
        };
        this.#connection.sync().then(silent, silent);
      }
      before = now;
    };
  }

  /** Keeps what has come. */
  #end(over: 'dry' | Error): void {
    if (this.#over !== undefined) return;
    this.#over = over;
    this.#watch.cancel();
    this.#unlisten();
    this.#inbox.forget(this.#consumer);
    this.#flow.close();
    this.#offer();
  }
}
