import type { Clock, Timer } from '../../common/clock.ts';
import type { Asker, Ticket } from '../../common/turns.ts';
import { Turns } from '../../common/turns.ts';
import type { ViewerCounts } from '../cluster/viewer-counts.ts';
import type { StateView } from '../state/state-view.ts';
import { newRoomCounters } from './counters.ts';
import { Room } from './room.ts';
import type { RoomDependencies, RoomLimits, RoomStates } from './room.ts';
import type { JoinFrom } from './start.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Sizes and times of the hub, and the bounds of its rooms. */
export interface HubLimits extends RoomLimits {
  /** Memory for the messages of all rooms, in bytes. */
  readonly logBytes: number;
  /** A room is kept so long after its last viewer has gone: a flapping viewer resumes from memory. In ms. */
  readonly lingerMs: number;
  /** Rooms without viewers that are kept; of more, those that have been without for longest are closed. */
  readonly lingeringRooms: number;
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

/**
 * Rooms that are opened at once: a few questions each to the stream's leader, which answers 16 at a time. Whoever else wants one opened waits for its
 * turn, and those of a connection wait for each other.
 */
const OPENING = { atOnce: 32, waitingOfGroup: 2_000, waiting: 10_000 };

/** Who opens a room on nobody's behalf. */
const NOBODY: Asker = { group: '' };

/** Who waits for a room that is not being opened yet. */
interface Waiter {
  readonly wanted: () => boolean;
  /** Its place in the line; without one it waits for the turn of another that wants the same room. */
  ticket: Ticket | undefined;
  /** Goes on: the room is being opened, for whomever. */
  proceed(): void;
  giveUp(error: Error): void;
}

type Opening =
  /** Nobody's turn has come yet. */
  | { readonly kind: 'waiting'; readonly waiters: Set<Waiter> }
  | { readonly kind: 'begun'; readonly opened: Promise<void> };

interface OpenRoom {
  readonly room: Room;
  opening: Opening;
  /** Sessions that use the room. */
  users: number;
  linger: Timer | undefined;
}

/** Who wants a room. */
export interface Acquiring {
  readonly asker?: Asker;
  /** Where it is going to join: what it lacks may be read while the room is opened. */
  readonly from?: JoinFrom;
  /** Asked when its turn has come to have the room opened: whether that is still wanted. */
  readonly wanted?: () => boolean;
}

/** What {@link Hub.acquire} was to give is not wanted any more. */
export class NotWanted extends Error {
  override readonly name = 'NotWanted';
}

/** The rooms that this gateway has open, and the memory they may take together. */
export class Hub {
  readonly counters = newRoomCounters();
  #dependencies: RoomDependencies;
  readonly #viewerCounts: ViewerCounts;
  readonly #clock: Clock;
  #limits: HubLimits;
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
  readonly #turns = new Turns(OPENING);
  /** Rooms without users, those that have been without for longest first. */
  readonly #lingering = new Set<OpenRoom>();
  readonly #viewersWait: () => boolean;
  /** Whether audiences were not told when it was time. */
  #audiencesWait = false;

  /**
   * @param viewersWait whether there is something to be written to viewers now
   * @param states see {@link RoomDependencies.states}
   */
  constructor(
    upstream: Upstream,
    viewerCounts: ViewerCounts,
    clock: Clock,
    limits: HubLimits,
    viewersWait: () => boolean = () => false,
    states?: RoomStates,
  ) {
    const { counters } = this;
    const grown = (room: Room): void => this.#touch(room);
    this.#dependencies = { upstream, viewerCounts, clock, limits, counters, grown, states };
    this.#viewerCounts = viewerCounts;
    this.#clock = clock;
    this.#limits = limits;
    this.#viewersWait = viewersWait;
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
   * Opens a room when it is the asker's turn, or shares the open one, until {@link release}.
   * @throws UpstreamError when NATS cannot be asked, TooManyWaiting, NotWanted; nothing is then to be released
   */
  async acquire(name: string, acquiring: Acquiring = {}): Promise<Room> {
    const open = this.#rooms.get(name) ?? this.#add(name);
    this.#use(open);
    if (open.opening.kind === 'waiting') await this.#turn(open, open.opening.waiters, acquiring);
    if (open.opening.kind === 'begun') await open.opening.opened;
    return open.room;
  }

  /** Gives back what {@link acquire} gave. */
  release(room: Room): void {
    const open = this.#rooms.get(room.name);
    if (open?.room !== room) return;
    open.users--;
    if (open.users > 0) return;
    open.linger = this.#clock.after(this.#limits.lingerMs, () => this.#close(open));
    this.#lingering.add(open);
    if (this.#lingering.size <= this.#limits.lingeringRooms) return;
    const [longest] = this.#lingering;
    if (longest !== undefined) this.#close(longest);
  }

  /** Whether commands mean anything. */
  get keepsStates(): boolean {
    return this.#dependencies.states !== undefined;
  }

  /**
   * What commands have made of a room, which is opened for it; undefined when that cannot be known now, or they mean nothing.
   * @throws as {@link acquire}
   */
  async stateOf(name: string, asker: Asker): Promise<StateView | undefined> {
    const room = await this.acquire(name, { asker });
    try {
      await room.state?.settled();
      return room.state?.view;
    } finally {
      this.release(room);
    }
  }

  /** Other limits hold from now on, but for times. */
  limit(limits: HubLimits): void {
    this.#limits = limits;
    this.#dependencies = { ...this.#dependencies, limits };
    for (const { room } of this.#rooms.values()) {
      room.limit(limits);
      this.#touch(room);
    }
  }

  /** Viewers of a room, which need not be open here, over all gateways. */
  audience(name: string): number {
    return this.#viewerCounts.total(name);
  }

  /** Tells viewers how many they are, where that has changed; while some wait for what they are owed, every other time: thousands have just come. */
  tellAudiences(): void {
    this.#audiencesWait = !this.#audiencesWait && this.#viewersWait();
    if (this.#audiencesWait) return;
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

  #use(open: OpenRoom): void {
    open.users++;
    open.linger?.cancel();
    open.linger = undefined;
    this.#lingering.delete(open);
  }

  #add(name: string): OpenRoom {
    const room = new Room(name, this.#dependencies);
    if (this.#suspended) room.follower.suspend();
    const open: OpenRoom = {
      room,
      opening: { kind: 'waiting', waiters: new Set() },
      users: 0,
      linger: undefined,
    };
    this.#rooms.set(name, open);
    this.#touch(room);
    return open;
  }

  /**
   * Resolves when the room is being opened, for whomever: everybody waits in its own place in the line, and the first of them has it opened. Who finds the
   * line full waits for those that have a place: it asks for nothing more.
   */
  #turn(open: OpenRoom, waiters: Set<Waiter>, acquiring: Acquiring): Promise<void> {
    const { asker = NOBODY, from, wanted = () => true } = acquiring;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        wanted,
        ticket: undefined,
        proceed: () => {
          waiter.ticket?.cancel();
          resolve();
        },
        giveUp: (error) => {
          waiters.delete(waiter);
          open.users--;
          // Without anybody who waits it was never open.
          if (open.users === 0) this.#close(open);
          reject(error);
        },
      };
      waiters.add(waiter);
      try {
        waiter.ticket = this.#turns.ask(asker, () => this.#takeTurn(open, waiters, waiter, from));
      } catch (error) {
        if (waiters.size === 1) waiter.giveUp(error as Error);
      }
    });
  }

  /** Has the room opened if whoever's turn it is wants it; or those want it that have no place of their own, and nobody has one any more. */
  #takeTurn(
    open: OpenRoom,
    waiters: Set<Waiter>,
    waiter: Waiter,
    from: JoinFrom | undefined,
  ): Promise<unknown> {
    const giveUpUnwanted = (other: Waiter): void => {
      if (!other.wanted()) other.giveUp(new NotWanted(`room ${open.room.name} is not wanted any more`));
    };
    giveUpUnwanted(waiter);
    if (!waiters.has(waiter)) {
      for (const { ticket } of waiters) if (ticket !== undefined) return Promise.resolve();
      waiters.forEach(giveUpUnwanted);
      if (waiters.size === 0) return Promise.resolve();
    }
    const opened = this.#begin(open, from);
    for (const other of waiters) other.proceed();
    return opened;
  }

  #begin(open: OpenRoom, from: JoinFrom | undefined): Promise<void> {
    const cursor = from?.kind === 'cursor' && this.#opening < MAX_READ_AHEAD ? from.cursor : undefined;
    this.#opening++;
    const opened = open.room.open(cursor?.seq).finally(() => this.#opening--);
    open.opening = { kind: 'begun', opened };
    opened.catch(() => this.#close(open));
    return opened;
  }

  #close(open: OpenRoom): void {
    const { room, linger } = open;
    linger?.cancel();
    this.#lingering.delete(open);
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
    for (const room of this.#touched) this.#note(room, room.trimTo(this.#limits.roomLogBytes));
    this.#touched.clear();
    while (this.#memory > this.#limits.logBytes) {
      const [room, before] = [...this.#sizes].reduce((a, b) => (b[1] > a[1] ? b : a));
      const left = room.trimTo(before - 1);
      if (left >= before) return;
      this.#note(room, left);
    }
  }
}
