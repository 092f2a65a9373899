import { Histogram } from '../../common/histogram.ts';
import type { JoinOutcome, RoomEvent } from './event.ts';
import type { Lag } from './lag-tally.ts';

/** From what is at hand to a slow link; a page is full after 4 s at most. */
const READ_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts of what a room had to do; they add up to the gateway's metrics. */
export interface RoomCounters extends Lag {
  /** The feed could not be proven and the stream was asked. */
  repairs: number;
  historyReads: number;
  /** Times that viewers have joined, by how that began: counted when they are told. */
  readonly joins: Record<JoinOutcome, number>;
  /** How long pages of history took to be read, in seconds. */
  readonly historyReadSeconds: Histogram;
  gaps: number;
  resets: number;
  /** Ephemeral messages beyond the room's budget, which no viewer got. */
  ephemeralSampledOut: number;
  /** Ephemeral messages that viewers were told they missed, because they were beyond the room's budget. */
  ephemeralOverRate: number;
  /** Likewise, where some had gone before the viewer could take them. */
  ephemeralLate: number;
}

export function newRoomCounters(): RoomCounters {
  return {
    repairs: 0,
    historyReads: 0,
    joins: { STARTED: 0, RESUMED: 0, GAP: 0, RESET: 0 },
    historyReadSeconds: new Histogram(READ_SECONDS),
    gaps: 0,
    resets: 0,
    ephemeralSampledOut: 0,
    ephemeralOverRate: 0,
    ephemeralLate: 0,
    viewers: 0,
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
