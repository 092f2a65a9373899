import type { Clock } from '../../../common/clock.ts';
import type { StoredMessage } from '../../log/message.ts';

/** A page is full when it holds so much, in bytes. The message at its beginning does not count, whoever reads on has had it. */
export const PAGE_BYTES = 1024 * 1024;
/**
 * It also is when it has taken so long; one that the message at its beginning would make the most of goes on for longer, up to so many
 * times the size of that.
 */
const LATE = { ms: 4_000, timesFirst: 8 };

/** Messages of a room, in order and without a hole from where the read began. */
export interface Page<M = StoredMessage> {
  readonly messages: readonly M[];
  /**
   * - `full`: it can be read on;
   * - `dry`: nothing is behind them, as far as the server of the consumer knows: it may be a replica that lags;
   * - `broken`: more would have come, but not by this consumer.
   */
  readonly end: 'full' | 'dry' | 'broken';
}

/** A page while it is read. */
export class PageBuffer<M> {
  /** Bytes behind the beginning that make a full page. */
  readonly size: number;
  readonly #clock: Clock;
  #messages: M[] = [];
  /** Of what is behind its beginning, and of the message there. */
  #bytes = 0;
  #firstBytes = 0;
  /** Of the message that came last. */
  #lastBytes = 0;
  /** When something of it was first asked for. */
  #startedMs = Infinity;

  constructor(size: number, clock: Clock) {
    this.size = size;
    this.#clock = clock;
  }

  /** Bytes behind its beginning. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of the message that came last: the next is perhaps as large. */
  get lastBytes(): number {
    return this.#lastBytes;
  }

  /** Whether it holds enough, or has taken long enough. */
  get isFull(): boolean {
    const tookMs = this.#clock.monotonicMs() - this.#startedMs;
    const late = tookMs >= LATE.ms && this.#bytes >= LATE.timesFirst * this.#firstBytes;
    return late || this.#bytes + this.#lastBytes / 2 >= this.size;
  }

  /** Something of it is asked for. */
  begin(): void {
    this.#startedMs = Math.min(this.#startedMs, this.#clock.monotonicMs());
  }

  /**
   * So much has come.
   * @param behind whether it is behind the message at the beginning of the read
   */
  count(bytes: number, behind: boolean): void {
    this.#lastBytes = bytes;
    if (behind) this.#bytes += bytes;
    else this.#firstBytes = bytes;
  }

  add(message: M): void {
    this.#messages.push(message);
  }

  /** Ends the page; the next one begins with its last message. */
  cut(): readonly M[] {
    const messages = this.#messages;
    this.#messages = messages.slice(-1);
    this.#firstBytes = this.#lastBytes;
    this.#bytes = 0;
    this.#startedMs = this.#clock.monotonicMs();
    return messages;
  }
}
