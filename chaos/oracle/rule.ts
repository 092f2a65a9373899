import type { History, RoomEvent, StateEvent, TimeSpan, UpstreamEvent } from './history.ts';
import type { Published } from './published.ts';
import type { RoomTrack } from './room-track.ts';
import type { Tally } from './tally.ts';

/** What a rule knows about the viewer that it watches, and about the run. */
export interface RuleContext extends Pick<History, 'finalHeads' | 'isolation' | 'truth' | 'outages'> {
  readonly viewer: string;
  readonly published: Published;
  readonly disturbed: readonly TimeSpan[];
  readonly own: readonly TimeSpan[];
  readonly tally: Tally;
}

/** One guarantee at work on one viewer. It sees each event before the track has taken it into account. */
export interface Rule {
  onRoomEvent?(event: RoomEvent, track: RoomTrack): void;
  onState?(event: StateEvent): void;
  onUpstream?(event: UpstreamEvent): void;
  /** The viewer's run is over; `tracks` are its rooms. */
  finish?(tracks: ReadonlyMap<string, RoomTrack>): void;
}

export type RuleFactory = (context: RuleContext) => Rule;
