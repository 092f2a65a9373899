import type { StateFollower } from '../state/state-follower.ts';
import type { RoomCounters } from './counters.ts';
import type { Deliveries } from './delivery.ts';
import type { Follower } from './follower.ts';
import type { History } from './history.ts';
import type { Tallied } from './lag-tally.ts';
import type { ResumeResolver } from './resume-resolver.ts';

/** One viewer of a room, as the room sees it. */
export interface Member extends Tallied {
  /** There may be something for it now. */
  wake(): void;
}

/** What a subscription needs of its room. */
export interface SubscribedRoom {
  readonly name: string;
  readonly follower: Follower;
  readonly history: History;
  readonly deliveries: Deliveries;
  readonly resolver: ResumeResolver;
  readonly counters: RoomCounters;
  readonly state: StateFollower | undefined;
  /** Wakes the member when the log has changed. */
  waitAtHead(member: Member): void;
  /** Wakes the member when a page of history has come; `from`: where it is to begin. */
  waitForPage(member: Member, from?: number): void;
  /** Has the member counted as behind or not, as it is now. */
  noteProgress(member: Member): void;
  /** The room may take more memory than before. */
  noteMemory(): void;
  remove(member: Member): void;
  /** Now, in milliseconds since the Unix epoch. */
  wallMs(): number;
}
