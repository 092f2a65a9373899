import type { BackoffLimits } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import type { Counters } from './counters.ts';
import type { Cursor } from './cursor.ts';
import type { Logger } from './logger.ts';
import type { Tokens } from './tokens.ts';

/** How a room is to be followed. */
export interface RoomSettings {
  readonly room: string;
  /** Where to begin when no cursor is known. */
  readonly start: StartInput;
  /** What to do after a gap or reset was told: go on with what there is, or end the iteration. */
  readonly onGap: 'continue' | 'stop';
  /** What may wait for the application, in bytes of frames. */
  readonly windowBytes: number;
  readonly backoff: BackoffLimits;
  /** Those that the room needs beside the stream's. */
  readonly tokens: Tokens;
  /** Leaves the room when it is aborted. */
  readonly signal: AbortSignal | undefined;
  /** Told of every cursor up to which the application has handled everything. */
  readonly handled: (cursor: Cursor) => void;
}

/** What a room asks of the client that it belongs to. */
export interface RoomHost<Room> {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly logger: Logger;
  join(room: Room): void;
  leave(room: Room): void;
  /** Lets the gateway send so many bytes more of the room. */
  grant(room: Room, bytes: number): void;
  /** The room's window is used up, and the application takes nothing. */
  stalled(room: Room): void;
  /** A message came that the application did not have. */
  gained(): void;
  /** The room caught up. */
  settled(): void;
  /** The room is over. */
  ended(room: Room): void;
}
