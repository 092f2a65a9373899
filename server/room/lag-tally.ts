import type { Timeline } from './timeline.ts';
import type { Viewer } from './subscription.ts';

/** Viewers that are behind, by what they are behind in. */
export interface Lag {
  /** Viewers that have not been handed everything up to their room's head. */
  lagging: number;
  /** Viewers whose application has not confirmed everything that they were handed. */
  unacknowledged: number;
}

/**
 * Counts the viewers of a room that are behind, as they come and go, so that nobody has to look at all of them. When the head
 * moves on, everybody is behind at once: the count of those at it begins anew, and who is one of them carries its number.
 */
export class LagTally {
  readonly #sum: Lag;
  #head = 0;
  #era = 0;
  /** Rises with every move of the head. */
  #generation = 1;
  #abreast = 0;

  /** @param sum what this and the tallies of other rooms add up to */
  constructor(sum: Lag) {
    this.#sum = sum;
  }

  /** The room's head may have moved, or be that of another era. */
  see({ head, era: { number } }: Pick<Timeline, 'head' | 'era'>): void {
    if (head === this.#head && number === this.#era) return;
    this.#head = head;
    this.#era = number;
    this.#generation++;
    this.#sum.lagging += this.#abreast;
    this.#abreast = 0;
  }

  add(viewer: Viewer): void {
    viewer.abreastIn = 0;
    viewer.unacknowledged = false;
    this.#sum.lagging++;
    this.note(viewer);
  }

  /** The viewer or its application may have got further; it was added before. */
  note(viewer: Viewer): void {
    const { position, acknowledged, era } = viewer;
    const abreast = era === this.#era && position.seq >= this.#head;
    if (abreast !== (viewer.abreastIn === this.#generation)) {
      viewer.abreastIn = abreast ? this.#generation : 0;
      this.#abreast += abreast ? 1 : -1;
      this.#sum.lagging += abreast ? -1 : 1;
    }
    const unacknowledged = acknowledged < position.seq;
    if (unacknowledged === viewer.unacknowledged) return;
    viewer.unacknowledged = unacknowledged;
    this.#sum.unacknowledged += unacknowledged ? 1 : -1;
  }

  remove(viewer: Viewer): void {
    if (viewer.abreastIn === this.#generation) this.#abreast--;
    else this.#sum.lagging--;
    if (viewer.unacknowledged) this.#sum.unacknowledged--;
  }
}
