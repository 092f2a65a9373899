/**
 * Longest stretch of work before other events get their turn, in milliseconds. Node hands what was written to the sockets only
 * then, so that it is also how long the first of a stretch waits for the last: 4 ms doubled the latency of a busy gateway.
 */
const SLICE_MS = 1;

/** Does work step by step, in short stretches that yield to the event loop. */
export class Slices {
  readonly #nowMs: () => number;
  readonly #defer: (fn: () => void) => void;
  readonly #step: () => boolean;
  #scheduled = false;

  /**
   * @param nowMs a monotonic clock, in milliseconds
   * @param defer calls a function after pending input has been read (`setImmediate`)
   * @param step does one step; false: there is nothing more to do
   */
  constructor(nowMs: () => number, defer: (fn: () => void) => void, step: () => boolean) {
    this.#nowMs = nowMs;
    this.#defer = defer;
    this.#step = step;
  }

  /** There is something to do. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(() => this.#run());
  }

  #run(): void {
    const until = this.#nowMs() + SLICE_MS;
    while (this.#step()) {
      // One step may take long: a frame is compressed, a call is begun with.
      if (this.#nowMs() < until) continue;
      this.#defer(() => this.#run());
      return;
    }
    this.#scheduled = false;
  }
}
