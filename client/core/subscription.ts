import type { Cursor } from './cursor.ts';
import type { RoomEvent } from './messages.ts';

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
  /** Says that the last event given out has been handled; needed only before an early end of the iteration. */
  commit(): void;
  /** Leaves the room and ends the iteration; what is still queued is discarded. */
  leave(): void;
}
