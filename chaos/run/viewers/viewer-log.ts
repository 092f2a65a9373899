import type { Cursor, RoomEvent } from '../../../client/index.ts';
import type { Clock } from '../../../common/clock.ts';
import { historyEvent, placeOf } from '../../oracle/client-events.ts';
import type { Place, StateEvent, UpstreamEvent, ViewerEvent } from '../../oracle/history.ts';
import type { Goal } from './protocol.ts';

/** Where a viewer stands in a room. */
interface Standing {
  place: Place | undefined;
  caughtUp: boolean;
}

/** Records what reaches a viewer's application, and where that leaves it. */
export class ViewerLog {
  delivered = 0;
  /** Messages that name a predecessor which had neither come nor been announced as gone. */
  holes = 0;
  connection: StateEvent['state'] = 'idle';
  readonly #clock: Clock;
  readonly #rooms: ReadonlyMap<string, Standing>;
  /** Times are the wall clock's until the run's origin is known. */
  #events: ViewerEvent[] = [];

  constructor(clock: Clock, rooms: readonly string[]) {
    this.#clock = clock;
    this.#rooms = new Map(rooms.map((room) => [room, { place: undefined, caughtUp: false }]));
  }

  /** Whether every room's replay is over. */
  get caughtUp(): boolean {
    return [...this.#rooms.values()].every(({ caughtUp }) => caughtUp);
  }

  /** Whether a room's replay is over and has come to its goal or beyond. */
  isAt(room: string, { epochs, seq }: Goal): boolean {
    const { place, caughtUp = false } = this.#rooms.get(room) ?? {};
    return caughtUp && place !== undefined && epochs.includes(place.epoch) && place.seq >= seq;
  }

  state(state: StateEvent['state']): void {
    this.connection = state;
    this.#events.push({ kind: 'state', atMs: this.#clock.wallMs(), state });
  }

  upstream(told: Pick<UpstreamEvent, 'upstream' | 'causes'>): void {
    this.#events.push({ kind: 'upstream', atMs: this.#clock.wallMs(), ...told });
  }

  record(event: RoomEvent): void {
    const wallMs = this.#clock.wallMs();
    // Whether a gap or reset is to be expected is judged where all faults are known.
    const recorded = historyEvent(event, wallMs, false, wallMs);
    if (recorded !== undefined) this.#events.push(recorded);
    const standing = this.#rooms.get(event.room);
    if (standing === undefined) return;
    if (event.kind === 'joined') standing.caughtUp = false;
    if (event.kind === 'caught-up') standing.caughtUp = true;
    if (event.kind === 'message') {
      this.delivered += 1;
      if (standing.place !== undefined && event.message.prevSeq > standing.place.seq) this.holes += 1;
    }
    if ('cursor' in event) standing.place = placeOf(event.cursor);
  }

  end(room: string, cursor: Cursor | undefined): void {
    this.#events.push({ kind: 'end', room, atMs: this.#clock.wallMs(), cursor: cursor && placeOf(cursor) });
  }

  /** What was recorded since the last call, in milliseconds of a clock that began at `originMs`. */
  take(originMs: number): ViewerEvent[] {
    const events = this.#events;
    this.#events = [];
    // What came before the run began counts as its first moment.
    return events.map((event) => ({ ...event, atMs: Math.max(0, event.atMs - originMs) }));
  }
}
