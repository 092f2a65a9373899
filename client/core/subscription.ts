import { status } from '../../protos/status-codes.ts';
import type { Cursor } from './cursor.ts';
import { LiveError } from './errors.ts';
import type { RoomEvent } from './messages.ts';
import type { RoomState } from './room-state.ts';
import { RoomQueue } from './room-queue.ts';

/**
 * A joined room, as the application sees it. It is iterated once, by one reader: a second iteration throws a `LiveError`
 * (FAILED_PRECONDITION), and so does a `next()` while another one waits. What the cursor store fails with is thrown as a `LiveError`
 * by the iterator, which then has left the room, and by `commit`.
 */
export interface RoomSubscription extends AsyncIterable<RoomEvent, undefined> {
  readonly room: string;
  /**
   * Up to where the application has handled everything: advanced when it asks for the next event, so that a
   * crash in between repeats the last one and skips none. Undefined before the gateway has told where we stand.
   */
  readonly cursor: Cursor | undefined;
  /** Sequence of the room's newest message as far as the gateway has told. */
  readonly head: bigint;
  /** Viewers of the room over all gateways as far as the gateway has told. */
  readonly audience: number;
  /** What the room is like as far as the gateway has told; undefined: it has not, or keeps no states. */
  readonly state: RoomState | undefined;
  /** Says that the last event given out has been handled; needed only before an early end of the iteration. */
  commit(): void;
  /** Leaves the room and ends the iteration; what is still queued is discarded. */
  leave(): void;
}

/** What a subscription tells the room behind it. */
export interface SubscriptionListener {
  /** The application has taken what cost so many bytes. */
  taken(bytes: number): void;
  /** The application has handled everything up to here. @throws LiveError if that cannot be kept */
  handled(cursor: Cursor): void;
  /** The application wants no more. */
  left(): void;
}

/** The application's side of a room: what waits for it, and up to where it has handled what it was given. */
export class Subscription implements RoomSubscription {
  readonly room: string;
  head = 0n;
  audience = 0;
  state: RoomState | undefined;
  readonly #onGap: 'continue' | 'stop';
  readonly #listener: SubscriptionListener;
  readonly #queue: RoomQueue<RoomEvent>;
  #cursor: Cursor | undefined;
  /** What the application will have handled when it asks for the next event. */
  #delivered: Cursor | undefined;
  #iterated = false;

  constructor(room: string, onGap: 'continue' | 'stop', listener: SubscriptionListener) {
    this.room = room;
    this.#onGap = onGap;
    this.#listener = listener;
    this.#queue = new RoomQueue((bytes) => listener.taken(bytes));
  }

  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** What waits for the application, in bytes of frames. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Everything up to here was handled in an earlier run. */
  begin(cursor: Cursor | undefined): void {
    this.#cursor = cursor;
  }

  /** Appends an event that costs so many bytes. */
  push(event: RoomEvent, bytes = 0): void {
    this.#queue.push(event, bytes);
  }

  /** Ends the iteration after what waits: with `error` unless that is undefined. */
  end(error?: LiveError): void {
    this.#queue.end(error);
  }

  /** Ends the iteration without what waits: with `error` unless that is undefined. */
  discard(error?: unknown): void {
    this.#queue.discard(error);
  }

  commit(): void {
    if (this.#delivered === undefined) return;
    this.#cursor = this.#delivered;
    this.#delivered = undefined;
    this.#listener.handled(this.#cursor);
  }

  leave(): void {
    this.#listener.left();
    this.discard();
  }

  [Symbol.asyncIterator](): AsyncIterator<RoomEvent, undefined> {
    if (this.#iterated) throw iteratedTwice(this.room);
    this.#iterated = true;
    return {
      next: async () => {
        commitOrLeave(this);
        const result = await this.#queue.next();
        if (!result.done) this.#delivered = this.#cursorAfter(result.value);
        return result;
      },
      return: () => {
        this.leave();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #cursorAfter(event: RoomEvent): Cursor | undefined {
    switch (event.kind) {
      case 'gap':
      case 'reset':
        return this.#onGap === 'stop' ? undefined : event.cursor;
      case 'message':
      case 'caught-up':
        return event.cursor;
      case 'joined':
        return event.outcome === 'GAP' || event.outcome === 'RESET' ? undefined : event.cursor;
      default:
        return undefined;
    }
  }
}

/** For an iterator that is asked for the next event. One that throws is not asked again: nobody would leave the room. @throws what `commit` throws */
export function commitOrLeave(room: Pick<RoomSubscription, 'commit' | 'leave'>): void {
  try {
    room.commit();
  } catch (error) {
    room.leave();
    throw error;
  }
}

function iteratedTwice(room: string): LiveError {
  const advice = 'a subscription has one reader: hand its events on, or leave and join again';
  return new LiveError(status.FAILED_PRECONDITION, `room ${room} is iterated already; ${advice}`);
}
