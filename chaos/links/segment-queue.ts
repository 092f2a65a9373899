import type { Arrival } from './segment.ts';

/** A full queue holds this many bytes, and one segment more. */
const CAPACITY_BYTES = 256 * 1024;
/** Counted for a segment beside its bytes, so that tiny ones are bounded too. */
const SEGMENT_OVERHEAD = 64;

/** A bounded queue with one reader. It never refuses: it asks the writer to wait. */
export class SegmentQueue {
  readonly #arrivals: Arrival[] = [];
  #queuedBytes = 0;
  #onArrival: (() => void) | undefined;
  #room: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  /** Takes an arrival; a promise means that the queue is full and resolves when it no longer is. */
  put(arrival: Arrival): Promise<void> | undefined {
    this.#arrivals.push(arrival);
    this.#queuedBytes += sizeOf(arrival);
    this.#onArrival?.();
    if (this.#queuedBytes < CAPACITY_BYTES) return undefined;
    if (this.#room === undefined) {
      const { promise, resolve } = newPromise();
      this.#room = { promise, open: resolve };
    }
    return this.#room.promise;
  }

  /** The oldest arrival, or undefined if there is none. */
  poll(): Arrival | undefined {
    const arrival = this.#arrivals.shift();
    if (arrival === undefined) return undefined;
    this.#queuedBytes -= sizeOf(arrival);
    if (this.#queuedBytes < CAPACITY_BYTES) {
      this.#room?.open();
      this.#room = undefined;
    }
    return arrival;
  }

  /** The arrivals as they come, until `signal` aborts. */
  async *until(signal: AbortSignal): AsyncGenerator<Arrival, void, undefined> {
    while (!signal.aborted) {
      const arrival = this.poll();
      if (arrival !== undefined) yield arrival;
      else await this.#nextArrival(signal);
    }
  }

  #nextArrival(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = newPromise();
    this.#onArrival = resolve;
    signal.addEventListener('abort', resolve);
    return promise.finally(() => {
      this.#onArrival = undefined;
      signal.removeEventListener('abort', resolve);
    });
  }
}

function sizeOf({ segment }: Arrival): number {
  return SEGMENT_OVERHEAD + (segment.kind === 'bytes' ? segment.bytes.length : 0);
}

function newPromise(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
