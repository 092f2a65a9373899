import type { Position } from '../log/position.ts';
import type { VerifiedLog } from '../log/verified-log.ts';

/** Viewers that are behind, by what they are behind in. */
export interface Lag {
  /** All of them, behind or not. */
  viewers: number;
  /** Viewers that have not been handed everything up to their room's head. */
  lagging: number;
  /** Viewers whose application has not confirmed everything that they were handed. */
  unacknowledged: number;
}

/** A viewer of a room, as the tally counts it. */
export interface Tallied {
  readonly position: Position;
  /** The incarnation that `position` belongs to. */
  readonly incarnation: number;
  /** How far its application says it has got. */
  readonly acknowledged: number;
  /** The tally's own: the head's generation that it is counted as abreast of, and the other count. */
  abreastIn: number;
  unacknowledged: boolean;
}

/**
 * Counts the viewers of a room that are behind, as they come and go, so that nobody has to look at all of them. When the head
 * moves on, everybody is behind at once: the count of those at it begins anew, and who is one of them carries its number.
 */
export class LagTally {
  readonly #sum: Lag;
  #head = 0;
  #incarnation = 0;
  /** Rises with every move of the head. */
  #generation = 1;
  #abreast = 0;

  /** @param sum what this and the tallies of other rooms add up to */
  constructor(sum: Lag) {
    this.#sum = sum;
  }

  /** The room's head may have moved, or be that of another incarnation. */
  see({ head, incarnation: { number } }: Pick<VerifiedLog, 'head' | 'incarnation'>): void {
    if (head === this.#head && number === this.#incarnation) return;
    this.#head = head;
    this.#incarnation = number;
    this.#generation++;
    this.#sum.lagging += this.#abreast;
    this.#abreast = 0;
  }

  add(viewer: Tallied): void {
    viewer.abreastIn = 0;
    viewer.unacknowledged = false;
    this.#sum.viewers++;
    this.#sum.lagging++;
    this.note(viewer);
  }

  /** The viewer or its application may have got further; it was added before. */
  note(viewer: Tallied): void {
    const { position, acknowledged, incarnation } = viewer;
    const abreast = incarnation === this.#incarnation && position.seq >= this.#head;
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

  remove(viewer: Tallied): void {
    this.#sum.viewers--;
    if (viewer.abreastIn === this.#generation) this.#abreast--;
    else this.#sum.lagging--;
    if (viewer.unacknowledged) this.#sum.unacknowledged--;
  }
}
