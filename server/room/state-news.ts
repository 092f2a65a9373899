import type { Dismissal } from '../state/dismissal.ts';
import { banOf, closingOf } from '../state/dismissal.ts';
import type { StateFollower } from '../state/state-follower.ts';
import type { StateView } from '../state/state-view.ts';

/** What a viewer is to be told of the state of its room. */
export type StateNews =
  | { readonly kind: 'state'; readonly view: StateView }
  | { readonly kind: 'dismissed'; readonly dismissal: Dismissal };

/** Who is told. */
export interface StateReader {
  /** Undefined: nobody knows. */
  readonly user: string | undefined;
  /** Whether it wants to be told; if not, the state holds for it all the same. */
  readonly told: boolean;
}

/** What one viewer knows of the state of its room: a reference, not a queue. */
export class StateNewsOf {
  readonly #follower: StateFollower;
  readonly #reader: StateReader;
  #known: StateView | undefined;

  constructor(follower: StateFollower, reader: StateReader) {
    this.#follower = follower;
    this.#reader = reader;
  }

  /** Whether it is about to be known: before that nothing is to be told of the room. */
  get awaited(): boolean {
    return this.#follower.awaited;
  }

  /**
   * Why the viewer is not let in; undefined: it is.
   * @param resumedAt everything up to which it has had before; undefined: it comes for the first time, and may look at a room that is closed
   */
  refusal(resumedAt: number | undefined, nowMs: number): Dismissal | undefined {
    const state = this.#follower.view?.state;
    if (state === undefined) return undefined;
    const ban = banOf(state, this.#reader.user, nowMs);
    return ban ?? (resumedAt === undefined ? undefined : closingOf(state, resumedAt));
  }

  /**
   * What comes next for a viewer that has had everything up to `seq`; undefined: nothing.
   * @param live whether it has been told that it has everything
   */
  next(seq: number, live: boolean, nowMs: number): StateNews | undefined {
    const { view, changedAt } = this.#follower;
    if (view === undefined) return undefined;
    const { state } = view;
    if (view !== this.#known && (this.#known === undefined || seq >= changedAt)) {
      this.#known = view;
      const ban = banOf(state, this.#reader.user, nowMs);
      if (ban !== undefined) return { kind: 'dismissed', dismissal: ban };
      if (this.#reader.told) return { kind: 'state', view };
    }
    const closing = live ? closingOf(state, seq) : undefined;
    return closing && { kind: 'dismissed', dismissal: closing };
  }
}
