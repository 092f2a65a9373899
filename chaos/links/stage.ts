import type { Clock } from '../../common/clock.ts';
import type { Output, Segment, Shaper } from './segment.ts';
import { SegmentQueue } from './segment-queue.ts';

/** One shaper in the chain of a direction, with the queue before it. */
export class Stage implements Output {
  readonly #queue = new SegmentQueue();
  readonly #clock: Clock;
  /** The next stage or the socket; changes when the chain does. */
  next: Output;

  constructor(next: Output, clock: Clock) {
    this.next = next;
    this.#clock = clock;
  }

  write(segment: Segment): Promise<void> | undefined {
    return this.#queue.put({ segment, atMs: this.#clock.monotonicMs() });
  }

  /**
   * Runs `shaper` until `lifted` aborts, passes on what is queued, and calls `leave` when nothing is: the
   * chain must not write to this stage after that.
   */
  async run(shaper: Shaper, lifted: AbortSignal, leave: () => void): Promise<void> {
    const output: Output = { write: (segment) => this.next.write(segment) };
    await shaper({ input: this.#queue.until(lifted), output, lifted, clock: this.#clock });
    for (let held = this.#queue.poll(); held !== undefined; held = this.#queue.poll()) {
      await this.next.write(held.segment);
    }
    leave();
  }
}
