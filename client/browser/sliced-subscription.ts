import type { Cursor, RoomEvent, RoomSubscription } from '../core/index.ts';
import type { TaskSlices } from './task-slices.ts';

/** A subscription whose events are given out in slices. */
export class SlicedSubscription implements RoomSubscription {
  readonly room: string;
  readonly #whole: RoomSubscription;
  readonly #slices: TaskSlices;

  constructor(whole: RoomSubscription, slices: TaskSlices) {
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
        await this.#slices.pause;
        return iterator.next();
      },
    };
  }
}
