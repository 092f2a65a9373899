import { status } from '../../protos/status-codes.ts';
import { LiveError } from './errors.ts';

interface Entry<T> {
  readonly event: T;
  readonly bytes: number;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

type State =
  | { kind: 'open' }
  /** What is queued is still given out, then `error` once unless that is undefined, then the end. */
  | { kind: 'ending'; error: unknown }
  | { kind: 'ended' };

const CONSUMED_BEFORE_COMPACTION = 1024;

/**
 * The queue between a room and the application. It never refuses an event: how much may wait is agreed with the gateway, which
 * is told what the application has taken.
 */
export class RoomQueue<T> {
  readonly #taken: (bytes: number) => void;
  #entries: Entry<T>[] = [];
  #consumed = 0;
  #bytes = 0;
  #state: State = { kind: 'open' };
  #waiter: Waiter<T> | undefined;

  /** @param taken told what the events cost that the application takes, in bytes */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  /** Events that wait. */
  get length(): number {
    return this.#entries.length - this.#consumed;
  }

  /** What the events that wait cost, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends an event that costs so many bytes. */
  push(event: T, bytes = 0): void {
    if (this.#state.kind !== 'open') return;
    if (this.#waiter !== undefined) {
      this.#settle((waiter) => waiter.resolve({ done: false, value: event }));
      if (bytes > 0) this.#taken(bytes);
      return;
    }
    this.#entries.push({ event, bytes });
    this.#bytes += bytes;
  }

  /** The next event, when there is one. Only one call may wait: another one rejects, and disturbs nothing. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiter !== undefined) return Promise.reject(secondReader());
    if (this.length > 0) return Promise.resolve({ done: false, value: this.#take() });
    switch (this.#state.kind) {
      case 'ended':
        return Promise.resolve({ done: true, value: undefined });
      case 'ending': {
        const { error } = this.#state;
        this.#state = { kind: 'ended' };
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- also what a signal was aborted with
        if (error !== undefined) return Promise.reject(error);
        return Promise.resolve({ done: true, value: undefined });
      }
      case 'open':
        return new Promise((resolve, reject) => {
          this.#waiter = { resolve, reject };
        });
    }
  }

  /** No more events will come; after those that wait, `next` rejects with `error`, or says done if that is undefined. */
  end(error?: unknown): void {
    if (this.#state.kind !== 'open') return;
    if (this.#waiter === undefined) {
      this.#state = { kind: 'ending', error };
      return;
    }
    this.#state = { kind: 'ended' };
    this.#settle((waiter) =>
      error === undefined ? waiter.resolve({ done: true, value: undefined }) : waiter.reject(error),
    );
  }

  /** Throws away what waits, and ends like `end`. */
  discard(error?: unknown): void {
    this.#entries = [];
    this.#consumed = 0;
    this.#bytes = 0;
    this.end(error);
  }

  #take(): T {
    const { event, bytes } = this.#entries[this.#consumed] as Entry<T>;
    this.#consumed += 1;
    this.#bytes -= bytes;
    if (this.#consumed === this.#entries.length) {
      this.#entries = [];
      this.#consumed = 0;
    } else if (this.#consumed >= CONSUMED_BEFORE_COMPACTION && this.#consumed * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#consumed);
      this.#consumed = 0;
    }
    if (bytes > 0) this.#taken(bytes);
    return event;
  }

  #settle(settle: (waiter: Waiter<T>) => void): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) settle(waiter);
  }
}

function secondReader(): LiveError {
  const advice = 'events are handled one after the other: await one next() before the next';
  return new LiveError(status.FAILED_PRECONDITION, `next() is waiting already; ${advice}`);
}
