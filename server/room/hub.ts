import type { Clock, Timer } from '../../common/clock.ts';
import type { ViewerCounts } from '../cluster/viewer-counts.ts';
import { newRoomCounters } from './counters.ts';
import { Room } from './room.ts';
import type { RoomDependencies, RoomLimits } from './room.ts';
import type { JoinFrom } from './start.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Sizes and times of the hub, and the bounds of its rooms. */
export interface HubLimits extends RoomLimits {
  /** Memory for the messages of all rooms, in bytes. */
  readonly logBytes: number;
  /** A room is kept so long after its last viewer has gone: a flapping viewer resumes from memory. In ms. */
  readonly lingerMs: number;
  /** How often the audience is told, in milliseconds. */
  readonly audienceMs: number;
}

/** How often memory is brought back within its limits, in milliseconds. */
const TRIM_MS = 200;

/**
 * As long as no more rooms are being opened, what the first viewer of one lacks is read at the same time. It may lack nothing: when thousands
 * come back, the stream is asked for no more than is needed.
 */
const MAX_READ_AHEAD = 4;

interface OpenRoom {
  readonly room: Room;
  readonly opened: Promise<void>;
  /** Sessions that use the room. */
  users: number;
  linger: Timer | undefined;
}

/** The rooms that this gateway has open, and the memory they may take together. */
export class Hub {
  readonly counters = newRoomCounters();
  readonly #dependencies: RoomDependencies;
  readonly #viewerCounts: ViewerCounts;
  readonly #clock: Clock;
  readonly #limits: HubLimits;
  readonly #rooms = new Map<string, OpenRoom>();
  /** What each open room took when that was last looked at, in bytes, and all of them together. */
  readonly #sizes = new Map<Room, number>();
  #memory = 0;
  /** Open rooms that may take more since: of thousands, few at a time. */
  readonly #touched = new Set<Room>();
  readonly #timers: Timer[];
  #suspended = false;
  /** Rooms that are being opened. */
  #opening = 0;

  constructor(upstream: Upstream, viewerCounts: ViewerCounts, clock: Clock, limits: HubLimits) {
    const { counters } = this;
    const grown = (room: Room): void => this.#touch(room);
    this.#dependencies = { upstream, viewerCounts, clock, limits, counters, grown };
    this.#viewerCounts = viewerCounts;
    this.#clock = clock;
    this.#limits = limits;
    this.#timers = [
      clock.every(TRIM_MS, () => this.#trim()),
      clock.every(limits.audienceMs, () => this.tellAudiences()),
    ];
  }

  /** Rooms open now, including those that linger. */
  get roomCount(): number {
    return this.#rooms.size;
  }

  /** Memory taken by messages, in bytes. */
  get memory(): number {
    for (const room of this.#touched) this.#note(room, room.memory);
    return this.#memory;
  }

  /**
   * Opens a room, or shares the open one, until {@link release}.
   * @param from where whoever asks is going to join: what it lacks may be read while the room is opened
   * @throws UpstreamError when NATS cannot be asked; nothing is then to be released
   */
  async acquire(name: string, from?: JoinFrom): Promise<Room> {
    const open = this.#rooms.get(name) ?? this.#open(name, from);
    open.users++;
    open.linger?.cancel();
    open.linger = undefined;
    await open.opened;
    return open.room;
  }

  /** Gives back what {@link acquire} gave. */
  release(room: Room): void {
    const open = this.#rooms.get(room.name);
    if (open?.room !== room) return;
    open.users--;
    if (open.users === 0) open.linger = this.#clock.after(this.#limits.lingerMs, () => this.#close(open));
  }

  /** Viewers of a room, which need not be open here, over all gateways. */
  audience(name: string): number {
    return this.#viewerCounts.total(name);
  }

  /** Tells viewers how many they are, where that has changed. */
  tellAudiences(): void {
    for (const { room } of this.#rooms.values()) if (room.viewerCount > 0) room.tellAudience();
  }

  /** What is known of the rooms cannot be compared with the stream now, and is not to be told as if it were. */
  suspend(): void {
    this.#suspended = true;
    for (const { room } of this.#rooms.values()) room.follower.suspend();
  }

  /** The stream can be asked again: no room's feed is believed before it was compared with the stream. */
  distrustFeeds(): void {
    this.#suspended = false;
    for (const { room } of this.#rooms.values()) room.follower.distrust();
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    for (const open of this.#rooms.values()) this.#close(open);
  }

  #open(name: string, from?: JoinFrom): OpenRoom {
    const room = new Room(name, this.#dependencies);
    if (this.#suspended) room.follower.suspend();
    const cursor = from?.kind === 'cursor' && this.#opening < MAX_READ_AHEAD ? from.cursor : undefined;
    this.#opening++;
    const opened = room.open(cursor?.seq).finally(() => this.#opening--);
    const open: OpenRoom = { room, opened, users: 0, linger: undefined };
    this.#rooms.set(name, open);
    this.#touch(room);
    opened.catch(() => this.#close(open));
    return open;
  }

  #close({ room, linger }: OpenRoom): void {
    linger?.cancel();
    room.close();
    if (this.#rooms.get(room.name)?.room !== room) return;
    this.#rooms.delete(room.name);
    this.#touched.delete(room);
    this.#note(room, 0);
    this.#sizes.delete(room);
  }

  /** A room that is closed may still get what it had asked for. */
  #touch(room: Room): void {
    if (this.#rooms.get(room.name)?.room === room) this.#touched.add(room);
  }

  #note(room: Room, size: number): void {
    this.#memory += size - (this.#sizes.get(room) ?? 0);
    this.#sizes.set(room, size);
  }

  #trim(): void {
    for (const room of this.#touched) this.#note(room, trimTo(room, this.#limits.roomLogBytes));
    this.#touched.clear();
    while (this.#memory > this.#limits.logBytes) {
      const [room, before] = [...this.#sizes].reduce((a, b) => (b[1] > a[1] ? b : a));
      const left = trimTo(room, before - 1);
      if (left >= before) return;
      this.#note(room, left);
    }
  }
}

/** Evicts until the room takes at most `limit` bytes or has nothing more to give; returns what it takes. */
function trimTo(room: Room, limit: number): number {
  let memory = room.memory;
  while (memory > limit) {
    room.evictOldest();
    const left = room.memory;
    if (left >= memory) return left;
    memory = left;
  }
  return memory;
}
