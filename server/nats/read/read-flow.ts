import type { Clock } from '../../../common/clock.ts';
import type { ReadWindow } from './read-window.ts';

/** What was asked for at one moment: everything up to `upto`, counted from the beginning of the read. */
interface Asked {
  readonly upto: number;
  readonly bytes: number;
  readonly atMs: number;
}

/**
 * What one read has on its way. What arrives does not say by which of several pulls it was asked for (a server serves them in turn), so it
 * is set against the oldest.
 */
export class ReadFlow {
  readonly #window: ReadWindow;
  readonly #clock: Clock;
  readonly #pulls: Asked[] = [];
  #asked = 0;
  #accounted = 0;
  #closed = false;

  constructor(window: ReadWindow, clock: Clock) {
    this.#window = window;
    this.#clock = clock;
  }

  /** Bytes asked for that have not come yet. */
  get underWay(): number {
    return this.#asked - this.#accounted;
  }

  /** What may be asked for at once when nobody else is in line. */
  get share(): number {
    return this.#window.share;
  }

  /** Bytes that may be on their way together, of all reads. */
  get window(): number {
    return this.#window.size;
  }

  /** See {@link ReadWindow.take}; undefined when the read was closed meanwhile. */
  async take(least: number, most: number): Promise<number | undefined> {
    const bytes = await this.#window.take(least, most);
    if (this.#closed) {
      this.#window.giveBack(bytes);
      return undefined;
    }
    this.#asked += bytes;
    this.#pulls.push({ upto: this.#asked, bytes, atMs: this.#clock.monotonicMs() });
    return bytes;
  }

  /** So many bytes have come. */
  arrived(bytes: number): void {
    const accounted = this.#accounted + Math.min(bytes, this.underWay);
    for (let [pull] = this.#pulls; pull !== undefined && pull.upto <= accounted; [pull] = this.#pulls) {
      this.#pulls.shift();
      this.#window.arrived(pull.bytes, pull.atMs);
    }
    this.#account(accounted);
  }

  /** So many bytes will not come. */
  unused(bytes: number): void {
    const accounted = this.#accounted + Math.min(bytes, this.underWay);
    while (this.#pulls[0] !== undefined && this.#pulls[0].upto <= accounted) this.#pulls.shift();
    this.#account(accounted);
  }

  /** Nothing more is waited for. */
  close(): void {
    this.#closed = true;
    this.unused(this.underWay);
  }

  #account(accounted: number): void {
    const bytes = accounted - this.#accounted;
    this.#accounted = accounted;
    if (bytes > 0) this.#window.giveBack(bytes);
  }
}
