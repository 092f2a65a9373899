import type { RoomEvent, ViewerEvent } from '../oracle/history.ts';
import type { Published, PublishedRoom } from '../oracle/published.ts';
import type { Measures } from './measures.ts';
import { StateTimeline } from './state-timeline.ts';

/** What one viewer is doing in one room. */
interface RoomState {
  joins: number;
  /** A replay after a join that was not the first; `sinceMs` when the connection it follows was welcomed. */
  replay: { readonly sinceMs: number | undefined } | undefined;
  /** The reconnect that the last join followed. */
  reconnectMs: number | undefined;
  epoch: string;
  published: PublishedRoom;
  /** Index of the last message looked up. */
  guess: number;
}

/** Watches one viewer's events go by, and adds to the measures. */
export class ViewerObserver {
  readonly timeline = new StateTimeline();
  delivered = 0;
  /** The longest of its resumes, in milliseconds. */
  slowestResumeMs = 0;
  readonly #measures: Measures;
  readonly #published: Published;
  readonly #rooms = new Map<string, RoomState>();

  constructor(measures: Measures, published: Published) {
    this.#measures = measures;
    this.#published = published;
  }

  /** Whether it was ever told where it stands in a room. */
  get joined(): boolean {
    return [...this.#rooms.values()].some(({ joins }) => joins > 0);
  }

  observe(event: ViewerEvent): void {
    if (event.kind === 'state') this.timeline.add(event);
    else if (event.kind !== 'upstream') this.#roomEvent(event);
  }

  #roomEvent(event: RoomEvent): void {
    switch (event.kind) {
      case 'joined':
        this.#join(event.room, event.epoch);
        return;
      case 'message':
        this.#deliver(event);
        return;
      case 'caught-up':
        this.#caughtUp(event.room, event.atMs);
        return;
      case 'ephemeral':
        this.#measures.ephemeral.received += 1;
        if (event.ageMs !== undefined) this.#measures.ephemeral.staleness.add(event.ageMs);
        return;
      case 'dropped':
        this.#measures.ephemeral.dropped += event.count;
        return;
      case 'gap':
      case 'reset':
      case 'restart':
      case 'retrying':
      case 'end':
        return;
    }
  }

  #join(name: string, epoch: string): void {
    const room = this.#room(name, epoch);
    room.joins += 1;
    const { lastReconnectMs } = this.timeline;
    // A room may also be joined again on the connection that there is.
    const sinceMs = lastReconnectMs === room.reconnectMs ? undefined : lastReconnectMs;
    room.reconnectMs = lastReconnectMs;
    if (room.joins > 1) room.replay = { sinceMs };
  }

  #caughtUp(name: string, atMs: number): void {
    const room = this.#rooms.get(name);
    const sinceMs = room?.replay?.sinceMs;
    if (room !== undefined) room.replay = undefined;
    if (sinceMs === undefined) return;
    this.#measures.resume.add(atMs - sinceMs);
    this.slowestResumeMs = Math.max(this.slowestResumeMs, atMs - sinceMs);
  }

  #deliver({ room: name, epoch, seq, atMs }: Extract<RoomEvent, { kind: 'message' }>): void {
    this.delivered += 1;
    this.#measures.delivered += 1;
    const room = this.#room(name, epoch);
    if (room.replay !== undefined) this.#measures.replayed += 1;
    room.guess = room.published.indexAfter(seq - 1, room.guess);
    const message = room.published.messages[room.guess];
    if (message?.seq !== seq) return;
    const { latency, replayLatency } = this.#measures;
    (room.replay === undefined ? latency : replayLatency).add(Math.max(0, atMs - message.atMs));
  }

  #room(name: string, epoch: string): RoomState {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const published = this.#published.in(name, epoch);
      room = { joins: 0, replay: undefined, reconnectMs: undefined, epoch, published, guess: 0 };
      this.#rooms.set(name, room);
    } else if (room.epoch !== epoch) {
      room.epoch = epoch;
      room.published = this.#published.in(name, epoch);
      room.guess = 0;
    }
    return room;
  }
}
