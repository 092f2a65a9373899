import type { RoomEvent } from './event.ts';
import type { Lag } from './lag-tally.ts';

/** Counts of what a room had to do; they add up to the gateway's metrics. */
export interface RoomCounters extends Lag {
  /** The feed could not be proven and the stream was asked. */
  repairs: number;
  historyReads: number;
  gaps: number;
  resets: number;
  /** Ephemeral messages beyond the room's budget, which no viewer got. */
  ephemeralSampledOut: number;
  /** Ephemeral messages that viewers were told they missed, for whatever reason. */
  ephemeralDropped: number;
}

export function newRoomCounters(): RoomCounters {
  return {
    repairs: 0,
    historyReads: 0,
    gaps: 0,
    resets: 0,
    ephemeralSampledOut: 0,
    ephemeralDropped: 0,
    lagging: 0,
    unacknowledged: 0,
  };
}

/** Counts an event that a viewer is about to be told. */
export function counted(event: RoomEvent, counters: Pick<RoomCounters, 'gaps' | 'resets'>): RoomEvent {
  if (event.kind === 'gap') counters.gaps++;
  if (event.kind === 'reset') counters.resets++;
  return event;
}
