import { Queue } from '../../common/queue.ts';
import type { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Position } from '../log/position.ts';
import type { Reach } from '../log/segment.ts';
import { catchUp, promisedName } from './catch-up.ts';
import { counted } from './counters.ts';
import type { DeliveryPlace } from './delivery.ts';
import type { GapEvent, JoinOutcome, ResetEvent, RoomEvent } from './event.ts';
import { resetInto } from './event.ts';
import { replayStep } from './replay-step.ts';
import type { Witness } from './resume-resolver.ts';
import type { Stage } from './stage.ts';
import type { StateReader } from './state-news.ts';
import { StateNewsOf } from './state-news.ts';
import { LEFT, LIVE, LOCATING, REPLAYING, STARTING } from './stage.ts';
import type { JoinFrom, LocatedStart, SubscriptionLimits } from './start.ts';
import type { Member, SubscribedRoom } from './subscribed-room.ts';

const NOBODY: StateReader = { user: undefined, told: false };

/** Told that a subscription has something to be sent. */
export interface Waker {
  wake(subscription: Subscription): void;
}

/**
 * One viewer in one room: a cursor, not a queue. What it is owed is computed from the room's log when its transport can take it. One
 * method serves replay, live delivery and catch-up: {@link next}.
 */
export class Subscription implements Member, DeliveryPlace {
  readonly #room: SubscribedRoom;
  readonly #waker: Waker;
  readonly #maxFrameBytes: number;
  /** Where commands mean nothing: undefined. */
  readonly #stateNews: StateNewsOf | undefined;
  #stage: Stage = LOCATING;
  #position: Position = { epoch: '', seq: 0, fingerprint: 0 };
  #incarnation: number;
  #ephemeralSeen: number;
  #audience: number | undefined;
  #credit: number;
  #acknowledged = 0;
  #delivered = 0;
  /** Sequence of the message that its cursor is to name once that has been looked at. */
  #unnamed: number | undefined;
  /** Told before anything else, in order. */
  readonly #notices = new Queue<RoomEvent>();
  /** See {@link Member}. */
  abreastIn = 0;
  unacknowledged = false;

  /** Made by {@link Room.join}; {@link start} comes next. */
  constructor(room: SubscribedRoom, waker: Waker, limits: SubscriptionLimits) {
    const { maxFrameBytes = Infinity, creditBytes = Infinity, reader = NOBODY } = limits;
    this.#room = room;
    this.#waker = waker;
    this.#maxFrameBytes = maxFrameBytes;
    this.#credit = creditBytes;
    this.#stateNews = room.state && new StateNewsOf(room.state, reader);
    this.#incarnation = room.follower.log.incarnation.number;
    this.#ephemeralSeen = room.deliveries.ephemeralCount;
  }

  /** The name of its room. */
  get room(): string {
    return this.#room.name;
  }

  /** Everything up to and including it has been handed to the transport. */
  get position(): Position {
    return this.#position;
  }

  get seq(): number {
    return this.#position.seq;
  }

  get ephemeralSeen(): number {
    return this.#ephemeralSeen;
  }

  get audience(): number | undefined {
    return this.#audience;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Reliable messages handed to the transport. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Begins where the viewer asks for; its waker is told. To be called once. */
  start(from: JoinFrom): void {
    if (from.kind === 'cursor') this.#stage = { kind: 'claimed', cursor: from.cursor, witness: 'memory' };
    else if (from.kind !== 'live') {
      void this.#locate(from);
      return;
    } else if (!this.#begunAtHead()) this.#stage = STARTING;
    this.#room.noteProgress(this);
    this.wake();
  }

  /** Wakes whoever asks for {@link next}. */
  wake(): void {
    this.#waker.wake(this);
  }

  /** Lets `bytes` more of batches be handed over. */
  grant(bytes: number): void {
    const waits = this.#credit <= 0;
    this.#credit += bytes;
    if (waits && this.#credit > 0) this.wake();
  }

  /** Notes how far the client's application has got. */
  acknowledge(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, seq);
    if (this.#stage !== LEFT) this.#room.noteProgress(this);
  }

  /** Leaves the room; doing so twice changes nothing. */
  leave(): void {
    if (this.#stage === LEFT) return;
    this.#stage = LEFT;
    this.#notices.clear();
    this.#room.remove(this);
  }

  /**
   * What the viewer is to be sent next; undefined when there is nothing now: its waker is then told when
   * there is. The caller sends what it gets, in this order, or leaves.
   * @param maxEntries reliable messages in it, at most
   */
  next(maxEntries = Infinity): RoomEvent | undefined {
    const event = this.#next(maxEntries);
    if (this.#stage !== LEFT) this.#room.noteProgress(this);
    return event;
  }

  #next(maxEntries: number): RoomEvent | undefined {
    for (;;) {
      if (this.#stateNews?.awaited === true) {
        this.#room.waitForPage(this);
        return undefined;
      }
      const notice = this.#notices.shift();
      if (notice !== undefined) return this.#refused(notice) ?? counted(notice, this.#room.counters);
      switch (this.#stage.kind) {
        case 'left':
        case 'locating':
          return undefined;
        case 'failed': {
          const { error } = this.#stage;
          this.leave();
          return { kind: 'failed', error };
        }
        case 'starting':
          if (this.#begunAtHead()) continue;
          this.#room.waitAtHead(this);
          return undefined;
        case 'claimed':
          if (this.#resumed(this.#stage.cursor, this.#stage.witness)) continue;
          return undefined;
        case 'replaying':
        case 'live':
          break;
      }
      if (this.#enterIncarnation()) continue;
      const news = this.#stateNews && this.#stateEvent(this.#stateNews);
      if (news !== undefined) return news;
      const below = this.#position.seq < this.#room.follower.log.messages.base;
      const step = below ? this.#readPage(maxEntries) : this.#readLog(maxEntries);
      if (step !== 'again') return step;
    }
  }

  async #locate(start: LocatedStart): Promise<void> {
    try {
      const cursor = await this.#room.resolver.locate(start);
      if (this.#stage === LEFT) return;
      this.#begin(cursor, 'STARTED');
      this.#room.noteProgress(this);
    } catch (error) {
      if (this.#stage === LEFT) return;
      this.#stage = { kind: 'failed', error };
    }
    this.wake();
  }

  /** Begins at a position that is known to be good, or that the viewer is about to be led away from. */
  #begin(cursor: Position, outcome: JoinOutcome): void {
    const { head } = this.#room.follower.log;
    this.#notices.push({ kind: 'joined', cursor, head, outcome });
    this.#position = cursor;
    this.#stage = REPLAYING;
  }

  /** Begins at the room's end; false while nobody can know where that is. */
  #begunAtHead(): boolean {
    const { follower } = this.#room;
    if (!follower.verified) return false;
    this.#incarnation = follower.log.incarnation.number;
    this.#begin(follower.log.resumeCursor, 'STARTED');
    this.#unnamed = promisedName(follower);
    return true;
  }

  /** Judges the cursor that the viewer brought; false when that must wait. */
  #resumed(cursor: Position, witness: Witness): boolean {
    this.#incarnation = this.#room.follower.log.incarnation.number;
    const resolution = this.#room.resolver.resolve(cursor, witness);
    switch (resolution.kind) {
      case 'needs-page':
        this.#room.waitForPage(this, cursor.seq);
        return false;
      case 'ask-leader':
        void this.#askLeader(cursor);
        return false;
      case 'resolved':
        this.#begin(resolution.cursor, resolution.outcome);
        if (resolution.change !== undefined) this.#turn(resolution.change);
        return true;
    }
  }

  async #askLeader(cursor: Position): Promise<void> {
    this.#stage = LOCATING;
    await this.#room.follower.reach(cursor);
    if (this.#stage !== LOCATING) return;
    this.#stage = { kind: 'claimed', cursor, witness: 'leader' };
    this.wake();
  }

  /** Announces that the history does not go on as the viewer knows it, and goes on from the event's cursor. */
  #turn(event: GapEvent | ResetEvent): void {
    this.#notices.push(event);
    this.#position = event.cursor;
    this.#stage = REPLAYING;
  }

  /** Moves on from an earlier incarnation into the present one; false when it is there already. */
  #enterIncarnation(): boolean {
    const { incarnation } = this.#room.follower.log;
    if (this.#incarnation === incarnation.number) return false;
    this.#incarnation = incarnation.number;
    this.#turn(resetInto(incarnation, this.#position));
    return true;
  }

  /** Instead of Joined, where the state of the room keeps the viewer out. */
  #refused(notice: RoomEvent): RoomEvent | undefined {
    if (notice.kind !== 'joined') return undefined;
    const resumedAt = notice.outcome === 'STARTED' ? undefined : notice.cursor.seq;
    const dismissal = this.#stateNews?.refusal(resumedAt, this.#room.wallMs());
    if (dismissal === undefined) return undefined;
    this.leave();
    return { kind: 'dismissed', dismissal };
  }

  #stateEvent(stateNews: StateNewsOf): RoomEvent | undefined {
    const news = stateNews.next(this.#position.seq, this.#stage === LIVE, this.#room.wallMs());
    if (news?.kind === 'dismissed') this.leave();
    return news;
  }

  #readLog(maxEntries: number): RoomEvent | undefined {
    const frame = this.#credit > 0 ? this.#nextFrame(maxEntries) : undefined;
    if (frame !== undefined) return { kind: 'batch', frame, live: this.#stage === LIVE };
    // Out of credit: what is no batch is told all the same.
    const behind = this.#position.seq < this.#room.follower.log.messages.head;
    if (!behind && this.#caughtUp()) return { kind: 'caught-up', cursor: this.#position };
    this.#room.waitAtHead(this);
    return undefined;
  }

  #nextFrame(maxEntries: number): CompressibleFrame | undefined {
    const { deliveries, counters, follower } = this.#room;
    const { messages } = follower.log;
    const delivery =
      this.#stage === LIVE
        ? deliveries.forLive(messages, this, maxEntries)
        : deliveries.forReplay(messages, this, maxEntries);
    if (delivery === undefined) return undefined;
    this.#advance(delivery);
    this.#ephemeralSeen = delivery.ephemeralUpto;
    if (delivery.audience !== undefined) this.#audience = delivery.audience;
    counters[delivery.late ? 'ephemeralLate' : 'ephemeralOverRate'] += delivery.ephemeralDropped;
    return this.#charge(delivery.frame);
  }

  /** Notes what is handed to the transport. */
  #advance({ upto, fingerprint, count }: Reach): void {
    const { epoch, seq } = this.#position;
    if (upto > seq) this.#position = { epoch, seq: upto, fingerprint };
    this.#delivered += count;
  }

  /** The frame as this client gets it, paid for with its credit. */
  #charge(frame: CompressibleFrame): CompressibleFrame {
    const fitting = frame.within(this.#maxFrameBytes);
    this.#credit -= fitting.bytes;
    return fitting;
  }

  /** Whether a viewer that has everything is to be told so: for the first time, or with a new cursor. */
  #caughtUp(): boolean {
    const { follower } = this.#room;
    const before = this.#position;
    const live = this.#stage === LIVE;
    const position = catchUp(follower, { position: before, live, unnamed: this.#unnamed });
    if (position === undefined) return false;
    this.#stage = LIVE;
    this.#position = position;
    if (position.epoch === before.epoch && position !== before) this.#unnamed = promisedName(follower);
    return true;
  }

  #readPage(maxEntries: number): RoomEvent | 'again' | undefined {
    const room = this.#room;
    if (this.#credit <= 0) {
      room.waitForPage(this);
      return undefined;
    }
    const step = replayStep(room, this.#position, maxEntries);
    switch (step.kind) {
      case 'wait':
        room.waitForPage(this, this.#position.seq);
        return undefined;
      case 'change':
        this.#turn(step.event);
        return 'again';
      case 'advance':
        this.#advance(step.reach);
        if (step.frame === undefined) return 'again';
        room.noteMemory();
        return { kind: 'batch', frame: this.#charge(step.frame), live: false };
    }
  }
}
