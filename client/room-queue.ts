/** How full a queue may get. */
export interface QueueLimits {
  /** Events; reading pauses above this. */
  readonly events: number;
  /** Bytes of payload; reading pauses above this. */
  readonly bytes: number;
}

/** Limits of the queue between a room and the application unless it says otherwise. */
export const defaultQueueLimits: QueueLimits = { events: 1024, bytes: 4 * 1024 * 1024 };

interface Entry<T> {
  readonly event: T;
  readonly bytes: number;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

type State =
  | { name: 'open' }
  /** What is queued is still given out, then `error` once if there is one, then the end. */
  | { name: 'ending'; error: Error | undefined }
  | { name: 'ended' };

const consumedBeforeCompaction = 1024;

/**
 * The queue between the stream and the application. It never refuses an event; it tells when it is full, so that
 * its owner stops reading, and when it is half empty again.
 */
export class RoomQueue<T> {
  readonly #limits: QueueLimits;
  readonly #onDrained: () => void;
  #entries: Entry<T>[] = [];
  #consumed = 0;
  #bytes = 0;
  #state: State = { name: 'open' };
  #waiter: Waiter<T> | undefined;
  #pressure: 'low' | 'full' = 'low';

  constructor(limits: QueueLimits, onDrained: () => void) {
    this.#limits = limits;
    this.#onDrained = onDrained;
  }

  /** Events that wait. */
  get length(): number {
    return this.#entries.length - this.#consumed;
  }

  /** Whether reading should pause. True from the limit until half of it is left. */
  get full(): boolean {
    return this.#pressure === 'full';
  }

  /** Appends an event with `bytes` of payload. Returns whether the queue became full by it. */
  push(event: T, bytes = 0): boolean {
    if (this.#state.name !== 'open') return false;
    if (this.#waiter !== undefined) {
      this.#settle((waiter) => waiter.resolve({ done: false, value: event }));
      return false;
    }
    this.#entries.push({ event, bytes });
    this.#bytes += bytes;
    const reached = this.length >= this.#limits.events || this.#bytes >= this.#limits.bytes;
    if (!reached || this.#pressure === 'full') return false;
    this.#pressure = 'full';
    return true;
  }

  /** The next event, when there is one. Only one call may wait. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiter !== undefined) return Promise.reject(new Error('next() is already waiting'));
    if (this.length > 0) return Promise.resolve({ done: false, value: this.#take() });
    switch (this.#state.name) {
      case 'ended':
        return Promise.resolve({ done: true, value: undefined });
      case 'ending': {
        const { error } = this.#state;
        this.#state = { name: 'ended' };
        return error ? Promise.reject(error) : Promise.resolve({ done: true, value: undefined });
      }
      case 'open':
        return new Promise((resolve, reject) => {
          this.#waiter = { resolve, reject };
        });
    }
  }

  /** No more events will come; after those that wait, `next` rejects with `error` or says done. */
  end(error?: Error): void {
    if (this.#state.name !== 'open') return;
    if (this.#waiter === undefined) {
      this.#state = { name: 'ending', error };
      return;
    }
    this.#state = { name: 'ended' };
    this.#settle((waiter) =>
      error ? waiter.reject(error) : waiter.resolve({ done: true, value: undefined }),
    );
  }

  /** Throws away what waits, and ends. */
  discard(): void {
    this.#entries = [];
    this.#consumed = 0;
    this.#bytes = 0;
    this.end();
    this.#relieve();
  }

  #take(): T {
    const { event, bytes } = this.#entries[this.#consumed] as Entry<T>;
    this.#consumed += 1;
    this.#bytes -= bytes;
    if (this.#consumed === this.#entries.length) {
      this.#entries = [];
      this.#consumed = 0;
    } else if (this.#consumed >= consumedBeforeCompaction && this.#consumed * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#consumed);
      this.#consumed = 0;
    }
    this.#relieve();
    return event;
  }

  #relieve(): void {
    const low = this.length * 2 <= this.#limits.events && this.#bytes * 2 <= this.#limits.bytes;
    if (this.#pressure === 'low' || !low) return;
    this.#pressure = 'low';
    this.#onDrained();
  }

  #settle(settle: (waiter: Waiter<T>) => void): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) settle(waiter);
  }
}
