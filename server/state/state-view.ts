import type { RoomState } from './room-state.ts';

/** What is told of the state of a room. */
export interface StateView {
  /** What messages up to this sequence have made of it. */
  readonly seq: number;
  readonly state: RoomState;
  /** A command may be missing: messages had gone before any gateway has seen them. */
  readonly uncertain: boolean;
}
