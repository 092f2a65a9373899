import type { Clock } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { ViewerCounts } from '../cluster/viewer-counts.ts';
import type { HistoryRead } from '../log/evidence.ts';
import type { HistoryPage } from '../log/history-page.ts';
import type { EphemeralMessage } from '../log/message.ts';
import type { LogObserver } from '../log/verified-log.ts';
import { StateFollower } from '../state/state-follower.ts';
import type { SnapshotStore } from '../upstream/snapshot-store.ts';
import { readHistory } from '../upstream/history-read.ts';
import type { Feed, Upstream } from '../upstream/upstream.ts';
import type { RoomCounters } from './counters.ts';
import { Deliveries } from './delivery.ts';
import { Follower } from './follower.ts';
import { History } from './history.ts';
import { LagTally } from './lag-tally.ts';
import { ResumeResolver } from './resume-resolver.ts';
import type { JoinFrom, SubscriptionLimits } from './start.ts';
import type { Member, SubscribedRoom } from './subscribed-room.ts';
import type { Waker } from './subscription.ts';
import { Subscription } from './subscription.ts';

/** Bounds of a room. */
export interface RoomLimits {
  /** Memory for the messages of one room, in bytes. */
  readonly roomLogBytes: number;
  /** Longest time between two looks at the head of a silent room, in milliseconds; well below the stream's `max_age`. */
  readonly maxCheckMs: number;
  /** Ephemeral messages a second that are passed on, at most. */
  readonly ephemeralRate: number;
}

/**
 * A room that has no memory left for history keeps the page that is read and the one behind it, even before memory is next brought within its
 * limits: pages come faster than that.
 */
const PAGES_BEYOND_LIMIT = 2;

/** What a room needs. */
export interface RoomDependencies {
  readonly upstream: Upstream;
  readonly viewerCounts: ViewerCounts;
  readonly clock: Clock;
  readonly limits: RoomLimits;
  readonly counters: RoomCounters;
  /** Called when the room may take more memory than before. */
  readonly grown: (room: Room) => void;
  /** What it takes to know what commands make of a room; undefined: they are messages like others. */
  readonly states: RoomStates | undefined;
}

/** Where the states of rooms are kept. */
export interface RoomStates {
  readonly snapshots: SnapshotStore;
  readonly random: Random;
}

/** A room with viewers: its feed, its verified log, the history below it, and who waits for what. */
export class Room implements SubscribedRoom {
  readonly name: string;
  readonly follower: Follower;
  readonly history: History;
  readonly deliveries: Deliveries;
  readonly resolver: ResumeResolver;
  readonly counters: RoomCounters;
  /** What its commands have made of it; undefined where they mean nothing. */
  readonly state: StateFollower | undefined;
  readonly #upstream: Upstream;
  readonly #viewerCounts: ViewerCounts;
  readonly #clock: Clock;
  #memoryLimit: number;
  readonly #grown: (room: Room) => void;
  readonly #lag: LagTally;
  readonly #members = new Set<Member>();
  /** Those that have everything, or all that their credit allows. */
  #atHead = new Set<Member>();
  /** Those that cannot go on before a page of history, or credit, has arrived. */
  #waiting = new Set<Member>();
  #feed: Feed | undefined;
  #opened = Promise.resolve();
  #closed = false;

  constructor(name: string, dependencies: RoomDependencies) {
    const { upstream, viewerCounts, clock, limits, counters, grown, states } = dependencies;
    this.name = name;
    this.counters = counters;
    this.#upstream = upstream;
    this.#viewerCounts = viewerCounts;
    this.#clock = clock;
    this.#memoryLimit = limits.roomLogBytes;
    this.#grown = grown;
    this.#lag = new LagTally(counters);
    this.deliveries = new Deliveries({
      room: name,
      clock,
      ephemeralRate: limits.ephemeralRate,
      counters,
      grown: () => this.noteMemory(),
    });
    this.state = states && this.#stateFrom(states);
    this.follower = new Follower({
      room: name,
      upstream,
      clock,
      maxCheckMs: limits.maxCheckMs,
      listener: {
        changed: () => {
          this.noteMemory();
          this.#wakeAtHead();
        },
        replaced: () => this.#forgetHistory(),
        repairing: () => counters.repairs++,
      },
      observer: this.state && observing(this.state),
    });
    this.history = new History(
      name,
      (from) => this.#readHistory(from),
      clock,
      (page) => void this.#receivePage(page),
    );
    this.resolver = new ResumeResolver(this.follower.log, this.history, (start) =>
      upstream.locate(name, start),
    );
  }

  /** Number of viewers here, on this gateway. */
  get viewerCount(): number {
    return this.#members.size;
  }

  /** Number of viewers over all gateways. */
  get audience(): number {
    return this.#viewerCounts.total(this.name);
  }

  /** The room's head for people and heartbeats: sequence of its newest message, or a position when there is none. */
  get head(): number {
    return this.follower.log.head;
  }

  /** Memory taken by messages, in bytes. */
  get memory(): number {
    return this.follower.log.messages.memory + this.history.memory + this.deliveries.memory;
  }

  /** Other limits hold from now on. */
  limit({ roomLogBytes, ephemeralRate }: RoomLimits): void {
    this.#memoryLimit = roomLogBytes;
    this.deliveries.limit(ephemeralRate);
  }

  /** Evicts until the room takes at most `limit` bytes or has nothing more to give; returns what it takes. */
  trimTo(limit: number): number {
    let { memory } = this;
    while (memory > limit) {
      this.#evictOldest();
      const left = this.memory;
      if (left >= memory) return left;
      memory = left;
    }
    return memory;
  }

  /**
   * Subscribes first, then asks the leader for the head, then applies what came meanwhile. To be called once.
   * @param from where the first viewer will go on: what is there is read at the same time
   * @throws UpstreamError when NATS cannot be asked; the room is then closed
   */
  open(from?: number): Promise<void> {
    this.#opened = this.#open();
    if (from !== undefined) this.history.prefetch(from);
    return this.#opened;
  }

  close(): void {
    this.#closed = true;
    this.follower.close();
    this.state?.close();
    this.history.clear();
    this.#feed?.close();
  }

  /** Adds a viewer. What it is sent comes from the subscription, when its waker is told. */
  join(waker: Waker, from: JoinFrom, limits: SubscriptionLimits = {}): Subscription {
    const subscription = new Subscription(this, waker, limits);
    this.#members.add(subscription);
    this.#viewerCounts.report(this.name, this.#members.size);
    this.deliveries.welcome();
    this.#lag.see(this.follower.log);
    this.#lag.add(subscription);
    subscription.start(from);
    return subscription;
  }

  /** Tells the viewers how many they are over all gateways, and of what was sampled out. */
  tellAudience(): void {
    if (this.#members.size > 0 && this.deliveries.tellAudience(this.audience)) this.#wakeAtHead();
  }

  /** See {@link SubscribedRoom}. */
  remove(member: Member): void {
    if (!this.#members.delete(member)) return;
    this.#viewerCounts.report(this.name, this.#members.size);
    this.#lag.remove(member);
    this.#atHead.delete(member);
    this.#waiting.delete(member);
  }

  /** See {@link SubscribedRoom}. */
  waitAtHead(member: Member): void {
    this.#atHead.add(member);
  }

  /** See {@link SubscribedRoom}. */
  waitForPage(member: Member, from?: number): void {
    this.#waiting.add(member);
    if (from !== undefined) this.history.want(from);
  }

  /** See {@link SubscribedRoom}. */
  noteProgress(member: Member): void {
    this.#lag.see(this.follower.log);
    this.#lag.note(member);
  }

  /** See {@link SubscribedRoom}. */
  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** See {@link SubscribedRoom}. */
  noteMemory(): void {
    this.#grown(this);
  }

  #stateFrom({ snapshots, random }: RoomStates): StateFollower {
    const { name } = this;
    return new StateFollower({
      room: name,
      snapshots,
      clock: this.#clock,
      random,
      read: (from) => readHistory(this.#upstream, name, from),
      end: () => {
        const { incarnation, last, watermark, empty } = this.follower.log;
        return { epoch: incarnation.epoch, last, watermark, empty };
      },
      changed: () => {
        this.#wakeWaiting();
        this.#wakeAtHead();
      },
    });
  }

  /** Lets go of the oldest messages in memory; viewers that still need them are served from the stream. */
  #evictOldest(): void {
    if (!this.history.evictOldest()) this.follower.log.messages.evictOldest();
  }

  async #open(): Promise<void> {
    const { follower } = this;
    try {
      this.#feed = await this.#upstream.openFeed(this.name, {
        reliable: (message) => follower.receive(message),
        doubtful: () => void follower.check(),
        ephemeral: (message) => this.#receiveEphemeral(message),
      });
      if (this.#closed) this.#feed.close();
      else await follower.start();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #receiveEphemeral(message: EphemeralMessage): void {
    if (this.#members.size > 0 && this.deliveries.receive(message)) this.#wakeAtHead();
  }

  async #readHistory(from: number): Promise<HistoryRead> {
    this.counters.historyReads++;
    const early = this.follower.log.incarnation.number === 0;
    const sinceMs = this.#clock.monotonicMs();
    const read = await readHistory(this.#upstream, this.name, from);
    this.counters.historyReadSeconds.observe((this.#clock.monotonicMs() - sinceMs) / 1_000);
    // What was asked for while the room was opened is looked at when it is known which stream the room follows.
    await this.#opened;
    this.follower.learn(read);
    // Nobody would notice if the stream had been rewound in between.
    return early ? this.follower.log.reconciled(read) : read;
  }

  async #receivePage(page: HistoryPage): Promise<void> {
    const { follower } = this;
    if (this.memory > this.#memoryLimit) this.history.keepNewest(PAGES_BEYOND_LIMIT);
    this.noteMemory();
    // A page of another epoch says nothing about this one; the leader will tell what happened.
    if (page.epoch !== follower.log.incarnation.epoch) {
      this.history.clear();
      await follower.check();
    } else if (page.holdsAfter(follower.log.watermark)) {
      // The feed has yet to say so, or has lost it; who goes on from the page must not be further than the room.
      void follower.check();
    }
    this.#wakeWaiting();
  }

  #forgetHistory(): void {
    this.history.clear();
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    const woken = this.#waiting;
    this.#waiting = new Set();
    for (const member of woken) member.wake();
  }

  #wakeAtHead(): void {
    this.#lag.see(this.follower.log);
    this.deliveries.changed();
    if (this.#atHead.size === 0) return;
    const woken = this.#atHead;
    this.#atHead = new Set();
    for (const member of woken) member.wake();
  }
}

const observing = (state: StateFollower): LogObserver => ({
  begun: () => state.begin(),
  appended: (message) => state.appended(message),
});
