import { backoffCeiling } from '../../common/backoff.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import { HistoryPage } from '../log/history-page.ts';
import type { HistoryRead } from '../log/evidence.ts';

/** Delays between reads that lead to nothing. */
const RETRY = { baseMs: 100, maxMs: 5000 };
/** More than the memory of most rooms allows; those without messages take next to none. */
const MAX_PAGES = 64;

/**
 * Pages of one room read from the stream for viewers below the room log. Reads are single-flight:
 * however many viewers wait, one read is under way, from the lowest place wanted, and every page that
 * arrives serves all of them.
 */
export class History {
  readonly #room: string;
  readonly #read: (from: number) => Promise<HistoryRead>;
  readonly #clock: Clock;
  readonly #onPage: (page: HistoryPage) => void;
  /** Least recently used first. */
  #pages: HistoryPage[] = [];
  /** Pages whose next one has been asked for. */
  readonly #followed = new WeakSet<HistoryPage>();
  #wanted: number | undefined;
  #reading = false;
  #retry: Timer | undefined;
  /** Rises when the pages are forgotten, so that a read under way is then forgotten, too. */
  #generation = 0;
  #failures = 0;

  /**
   * @param read reads the stream; may reject, and is then called again with growing delays
   * @param onPage called after a page was added: whoever waits should look again
   */
  constructor(
    room: string,
    read: (from: number) => Promise<HistoryRead>,
    clock: Clock,
    onPage: (page: HistoryPage) => void,
  ) {
    this.#room = room;
    this.#read = read;
    this.#clock = clock;
    this.#onPage = onPage;
  }

  /** Memory taken by pages, in bytes. */
  get memory(): number {
    return this.#pages.reduce((sum, page) => sum + page.memory, 0);
  }

  /** A page for which `useful` holds, or undefined: then {@link want} one. */
  find(useful: (page: HistoryPage) => boolean): HistoryPage | undefined {
    const index = this.#pages.findLastIndex(useful);
    if (index < 0) return undefined;
    const [page] = this.#pages.splice(index, 1) as [HistoryPage];
    this.#pages.push(page);
    return page;
  }

  /** Asks for the page that begins at `from`. */
  want(from: number): void {
    this.#note(from);
    this.#start();
  }

  /** Asks for the page behind `page` before anybody needs it; again only when that page is read again. */
  readAhead(page: HistoryPage): void {
    if (this.#followed.has(page)) return;
    this.#followed.add(page);
    if (!this.#pages.some((other) => other.continues(page.upto))) this.want(page.upto);
  }

  /** Reads the page that begins at `from` before anybody asks for it: when nothing comes of it, nobody has waited. */
  prefetch(from: number): void {
    if (!this.#reading) void this.#run(from, 'unasked');
  }

  /** Forgets the least recently used pages, but for so many. */
  keepNewest(pages: number): void {
    if (this.#pages.length > pages) this.#pages = this.#pages.slice(-pages);
  }

  /** Forgets the least recently used page; false when there is none. */
  evictOldest(): boolean {
    return this.#pages.shift() !== undefined;
  }

  /** Forgets everything, including a read under way. */
  clear(): void {
    this.#generation++;
    this.#pages = [];
    this.#wanted = undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#reading = false;
    this.#failures = 0;
  }

  async #run(from: number, reason: 'wanted' | 'unasked' = 'wanted'): Promise<void> {
    const generation = this.#generation;
    this.#wanted = undefined;
    this.#reading = true;
    // When it fails the upstream has logged why; the viewers keep waiting, their heartbeats say DEGRADED.
    const read = await this.#read(from).catch(() => undefined);
    if (generation !== this.#generation) return;
    if (read === undefined && reason === 'unasked') {
      this.#reading = false;
      this.#start();
      return;
    }
    if (read === undefined) {
      this.#note(from);
      this.#rest();
      return;
    }
    // Whoever the page takes no further asks for the same again, for as long as stream and log do not meet.
    if (read.upto <= from && reason === 'wanted') {
      this.#rest();
    } else {
      this.#failures = 0;
      this.#reading = false;
    }
    // What was wanted meanwhile may be in this page: whoever still lacks something asks again.
    this.#wanted = undefined;
    const page = new HistoryPage(this.#room, read);
    this.#pages.push(page);
    if (this.#pages.length > MAX_PAGES) this.evictOldest();
    this.#onPage(page);
  }

  /** Reads nothing for a while, ever longer with each read that led to nothing. */
  #rest(): void {
    const delay = backoffCeiling(this.#failures++, RETRY);
    this.#retry = this.#clock.after(delay, () => {
      this.#reading = false;
      this.#start();
    });
  }

  #note(from: number): void {
    this.#wanted = Math.min(this.#wanted ?? from, from);
  }

  #start(): void {
    if (this.#wanted !== undefined && !this.#reading) void this.#run(this.#wanted);
  }
}
