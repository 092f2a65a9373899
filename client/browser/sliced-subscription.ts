import type { Cursor, RoomEvent, RoomState, RoomSubscription } from '../core/index.ts';
import { commitOrLeave } from '../core/subscription.ts';

/** What divides the work of a page into tasks. */
export interface Slices {
  /** To be awaited before the next event is given out: undefined, unless that is for a later task to do. */
  readonly pause: Promise<void> | undefined;
}

/** A subscription whose events are given out in slices. */
export class SlicedSubscription implements RoomSubscription {
  readonly room: string;
  readonly #whole: RoomSubscription;
  readonly #slices: Slices;

  constructor(whole: RoomSubscription, slices: Slices) {
    this.room = whole.room;
    this.#whole = whole;
    this.#slices = slices;
  }

  get cursor(): Cursor | undefined {
    return this.#whole.cursor;
  }

  get head(): bigint {
    return this.#whole.head;
  }

  get audience(): number {
    return this.#whole.audience;
  }

  get state(): RoomState | undefined {
    return this.#whole.state;
  }

  commit(): void {
    this.#whole.commit();
  }

  leave(): void {
    this.#whole.leave();
  }

  [Symbol.asyncIterator](): AsyncIterator<RoomEvent, undefined> {
    const iterator = this.#whole[Symbol.asyncIterator]();
    return {
      ...iterator,
      next: async () => {
        // Now, though the next event may be for a later task: until then the client may be closed, and the page be gone.
        commitOrLeave(this.#whole);
        await this.#slices.pause;
        return iterator.next();
      },
    };
  }
}
