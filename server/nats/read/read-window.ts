import type { Clock } from '../../../common/clock.ts';

/**
 * Bounds of the window in bytes. A server cuts a connection for which it holds more than its `max_pending`, by default 64 MB; beside
 * the reads there is the feed.
 */
const WINDOW = { min: 16 * 1024, max: 8 * 1024 * 1024 };
/** The window is given out in so many shares, so that several are on their way while one arrives. */
const SHARES = 4;
const MAX_SHARE = 1024 * 1024;
/** What is asked for may wait so much longer than on a link without anything on it, in milliseconds: so does the feed. */
const QUEUE_MS = 300;

/** One who waits in line. */
interface Waiting {
  readonly least: number;
  readonly most: number;
  grant(bytes: number): void;
}

/**
 * How many bytes all reads of the stream may have on their way together. It follows the link, as a congestion window does: it grows
 * while what is asked for comes as soon as it can, and shrinks when it has to queue, because the feed of live rooms queues behind it, and
 * when the connection was lost, because a server cuts off who takes too little of what it asked for.
 */
export class ReadWindow {
  readonly #clock: Clock;
  #size = WINDOW.min;
  /** Below it the window doubles with every round, above it grows by a share of it. */
  #threshold = WINDOW.max;
  #underWay = 0;
  readonly #line: Waiting[] = [];
  /** What was asked for before says nothing of the window as it is now. */
  #changedMs = -Infinity;
  /** The shortest time that an answer has taken on this connection. */
  #quickestMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that may be on their way together. */
  get size(): number {
    return this.#size;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** What one may ask for at once. */
  get share(): number {
    return Math.min(MAX_SHARE, Math.floor(this.#size / SHARES));
  }

  /**
   * Waits in line until a share may be asked for, and gives its size: at most `most`, but `least` in any case. Who wants much more than
   * the window has, as for one large message, waits until nothing else is on its way. What was given must be {@link giveBack given back}.
   */
  take(least: number, most: number): Promise<number> {
    return new Promise((grant) => {
      this.#line.push({ least, most, grant });
      this.#serve();
    });
  }

  /** What has arrived, or will not come, makes room for others. */
  giveBack(bytes: number): void {
    this.#underWay -= bytes;
    this.#serve();
  }

  /** Learns from `bytes` that were asked for at `askedMs` on the clock and have arrived now; to be called before they are given back. */
  arrived(bytes: number, askedMs: number): void {
    if (askedMs < this.#changedMs) return;
    const tookMs = this.#clock.monotonicMs() - askedMs;
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    // A large one takes its time, and so does the one before it.
    const allowedMs = this.#quickestMs + QUEUE_MS * (1 + (3 * bytes) / this.#size);
    if (tookMs > allowedMs) this.#shrink(allowedMs / tookMs);
    // What was not made use of was not tried.
    else if (this.#underWay >= this.#size / 2) this.#grow(bytes);
  }

  /** The connection was lost: perhaps because of what was on its way. The next one may be another. */
  lost(): void {
    this.#quickestMs = Infinity;
    if (this.#underWay > 0) this.#shrink(1 / 2);
  }

  #shrink(factor: number): void {
    this.#size = Math.max(WINDOW.min, Math.floor(this.#size * factor));
    this.#threshold = this.#size;
    this.#changedMs = this.#clock.monotonicMs();
  }

  #grow(bytes: number): void {
    const tried = Math.min(bytes, this.share);
    const step = this.#size < this.#threshold ? tried : (tried * WINDOW.min) / this.#size;
    this.#size = Math.min(WINDOW.max, this.#size + Math.ceil(step));
  }

  #serve(): void {
    for (let [next] = this.#line; next !== undefined; [next] = this.#line) {
      const bytes = Math.max(next.least, Math.min(next.most, this.share));
      // Of messages that are larger than a share, two at a time keep a link busy.
      const limit = bytes > this.share ? 2 * this.#size : this.#size;
      if (this.#underWay > 0 && this.#underWay + bytes > limit) return;
      this.#line.shift();
      this.#underWay += bytes;
      next.grant(bytes);
    }
  }
}
