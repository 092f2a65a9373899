import type { Clock } from '../../common/clock.ts';
import { Admission } from './resume-resolver.ts';
import type { Audiences } from '../cluster/viewer-counts.ts';
import { CompressibleFrame } from '../log/compressible-frame.ts';
import type { Emission, Start } from './event.ts';
import { batchFrame } from '../log/entry-codec.ts';
import { EphemeralRing } from '../log/ephemeral-ring.ts';
import { History } from './history.ts';
import type { HistoryPage } from '../log/history-page.ts';
import { readHistory } from '../upstream/history-read.ts';
import type { Lag } from './lag-tally.ts';
import { LagTally } from './lag-tally.ts';
import type { EphemeralMessage } from '../log/message.ts';
import type { Position } from '../log/position.ts';
import type { Reach } from '../log/segment.ts';
import { Timeline } from './timeline.ts';
import { TokenBucket } from '../../common/token-bucket.ts';
import type { HistoryRead } from '../log/evidence.ts';
import type { StreamStart, Upstream } from '../upstream/upstream.ts';
import { LIVE } from './subscription.ts';
import type { Viewer } from './subscription.ts';

/** What a viewer asks for when it joins. */
export type JoinFrom = { readonly kind: 'cursor'; readonly cursor: Position } | Start;

/** Bounds of a room. */
export interface RoomLimits {
  /** Longest time between two looks at the head of a silent room, in milliseconds; well below the stream's `max_age`. */
  readonly maxCheckMs: number;
  /** Ephemeral messages a second that are passed on, at most. */
  readonly ephemeralRate: number;
}

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

/** A frame, and where it takes the viewer it is made for. */
interface Delivery extends Reach {
  readonly ephemeralUpto: number;
  readonly ephemeralDropped: number;
  /** The number of viewers that it tells, if it does. */
  readonly audience: number | undefined;
  readonly frame: CompressibleFrame;
}

/** The delivery made for a live viewer at one place, kept for the next one at the same place. */
interface SharedDelivery {
  readonly seq: number;
  readonly ephemeralSeen: number;
  readonly audience: number | undefined;
  readonly delivery: Delivery;
}

/**
 * A room with viewers: its timeline, the history below it, and who is where. One emitter serves replay,
 * live delivery and catch-up: {@link next} computes what a viewer is owed from its cursor.
 */
export class Room {
  readonly name: string;
  readonly timeline: Timeline;
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #counters: RoomCounters;
  readonly #history: History;
  readonly #ephemeral = new EphemeralRing();
  readonly #ephemeralBudget: TokenBucket;
  readonly #audiences: Audiences;
  /** The number of viewers that is told; undefined as long as none was counted. */
  #audienceTold: number | undefined;
  /** Whether viewers have come since it was told. */
  #newcomers = false;
  readonly #viewers = new Set<Viewer>();
  /** Viewers that have everything, or all that their credit allows. */
  #atHead = new Set<Viewer>();
  /** Viewers that cannot go on before a page of history, or credit, has arrived. */
  #waiting = new Set<Viewer>();
  #shared: SharedDelivery | undefined;
  readonly #lag: LagTally;
  readonly #admission: Admission;
  readonly #touched: () => void;

  /** @param touched called when the room may take more memory than before */
  constructor(
    name: string,
    upstream: Upstream,
    audiences: Audiences,
    clock: Clock,
    limits: RoomLimits,
    counters: RoomCounters,
    touched: (room: Room) => void,
  ) {
    this.#touched = () => touched(this);
    this.name = name;
    this.#upstream = upstream;
    this.#audiences = audiences;
    this.#clock = clock;
    this.#counters = counters;
    this.#lag = new LagTally(counters);
    this.#ephemeralBudget = new TokenBucket(limits.ephemeralRate);
    this.timeline = new Timeline(name, upstream, clock, limits.maxCheckMs, {
      grown: () => {
        this.#touched();
        this.#wakeAtHead();
      },
      renewed: () => this.#forgetHistory(),
      bookmarked: () => this.#wakeAtHead(),
      ephemeral: (message) => this.#receiveEphemeral(message),
      repairing: () => this.#counters.repairs++,
      verified: () => this.#wakeAtHead(),
    });
    this.#history = new History(
      name,
      (from) => this.#readHistory(from),
      clock,
      (page) => void this.#receivePage(page),
    );
    this.#admission = new Admission({
      timeline: this.timeline,
      history: this.#history,
      locate: (start) => upstream.locate(name, start),
    });
  }

  /** Number of viewers here, on this gateway. */
  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** Number of viewers over all gateways. */
  get audience(): number {
    return this.#audiences.total(this.name);
  }

  /** Has the viewer counted as behind or not, as it is now. */
  noteProgress(viewer: Viewer): void {
    this.#lag.see(this.timeline);
    this.#lag.note(viewer);
  }

  /** Memory taken by messages, in bytes. */
  get memory(): number {
    return this.timeline.log.memory + this.#history.memory + this.#ephemeral.memory;
  }

  /** Lets go of the oldest messages in memory; viewers that still need them are served from the stream. */
  evictOldest(): void {
    if (!this.#history.evictOldest()) this.timeline.log.evictOldest();
  }

  close(): void {
    this.timeline.close();
    this.#history.clear();
  }

  /**
   * Adds a viewer.
   * @throws when its start must be looked up and the stream cannot be asked; the viewer is then not added
   */
  async join(viewer: Viewer, from: JoinFrom): Promise<void> {
    this.#viewers.add(viewer);
    this.#audiences.report(this.name, this.#viewers.size);
    this.#newcomers = true;
    viewer.room = this;
    this.#lag.see(this.timeline);
    this.#lag.add(viewer);
    viewer.era = this.timeline.era.number;
    viewer.ephemeralSeen = this.#ephemeral.count;
    if (from.kind === 'cursor') {
      viewer.stage = { kind: 'claimed', cursor: from.cursor, against: 'memory' };
    } else if (from.kind === 'live') {
      if (!this.#started(viewer)) viewer.stage = { kind: 'starting' };
    } else {
      const cursor = await this.#locate(viewer, from);
      if (!this.#viewers.has(viewer)) return;
      viewer.begin(cursor, this.timeline.head, 'STARTED');
    }
    this.noteProgress(viewer);
    viewer.waker.wake(viewer);
  }

  async #locate(viewer: Viewer, start: StreamStart): Promise<Position> {
    try {
      return await this.#admission.locate(start);
    } catch (error) {
      this.leave(viewer);
      throw error;
    }
  }

  /** Removes a viewer; doing so twice changes nothing. */
  leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    this.#audiences.report(this.name, this.#viewers.size);
    this.#lag.remove(viewer);
    viewer.room = undefined;
    this.#atHead.delete(viewer);
    this.#waiting.delete(viewer);
  }

  /** Tells the viewers how many they are over all gateways, and of what was sampled out. */
  tellAudience(): void {
    if (this.#viewers.size === 0) return;
    const sampledOut = this.#ephemeral.tellPassedOver();
    const { audience } = this;
    const told = this.#audienceTold === audience && !this.#newcomers;
    this.#audienceTold = audience;
    this.#newcomers = false;
    if (sampledOut || !told) this.#wakeAtHead();
  }

  /**
   * Hands an ephemeral message to whoever is live and can take it now. Sampled at the entrance, so that whoever is live gets the
   * same sample, and what is not in it costs next to nothing.
   */
  #receiveEphemeral(message: EphemeralMessage): void {
    if (this.#viewers.size === 0) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#ephemeralBudget.take(nowMs)) {
      this.#ephemeral.append(message, nowMs);
      this.#touched();
      this.#wakeAtHead();
    } else {
      this.#ephemeral.passOver();
      this.#counters.ephemeralSampledOut++;
    }
  }

  /**
   * What the viewer is to be sent next; undefined when there is nothing now: its waker is then told when
   * there is. The caller sends what it gets, in this order, or lets the viewer go.
   */
  next(viewer: Viewer, maxEntries = Infinity): Emission | undefined {
    const emission = this.#nextFor(viewer, maxEntries);
    if (viewer.room === this) this.noteProgress(viewer);
    return emission;
  }

  #nextFor(viewer: Viewer, maxEntries: number): Emission | undefined {
    while (viewer.room === this) {
      const notice = viewer.notices.shift();
      if (notice !== undefined) return this.#counted(notice);
      switch (viewer.stage.kind) {
        case 'locating':
          return undefined;
        case 'starting':
          if (this.#started(viewer)) continue;
          this.#atHead.add(viewer);
          return undefined;
        case 'claimed':
          if (this.#settled(viewer, viewer.stage.cursor, viewer.stage.against)) continue;
          return undefined;
        case 'replaying':
        case 'live':
          break;
      }
      if (this.#enterEra(viewer)) continue;
      const below = viewer.position.seq < this.timeline.log.base;
      const step = below ? this.#replayPage(viewer, maxEntries) : this.#readLog(viewer, maxEntries);
      if (step !== 'again') return step;
    }
    return undefined;
  }

  /** Begins at the room's end; false while nobody can know where that is. */
  #started(viewer: Viewer): boolean {
    const { timeline } = this;
    if (!timeline.verified) return false;
    viewer.era = timeline.era.number;
    viewer.begin(timeline.bookmark, timeline.head, 'STARTED');
    this.#promiseName(viewer);
    return true;
  }

  #counted(emission: Emission): Emission {
    if (emission.kind === 'gap') this.#counters.gaps++;
    if (emission.kind === 'reset') this.#counters.resets++;
    return emission;
  }

  /** Moves a viewer of an earlier era into the present one; false when it is there already. */
  #enterEra(viewer: Viewer): boolean {
    const { number, epoch, formerly, start } = this.timeline.era;
    if (viewer.era === number) return false;
    viewer.era = number;
    const { position } = viewer;
    const same = position.epoch === epoch || formerly.includes(position.epoch);
    if (!same) viewer.reset('RECREATED', { epoch, seq: 0, fingerprint: 0 });
    // Who was behind has not had what lies between, in whichever history.
    else viewer.reset('REWOUND', { epoch, seq: Math.min(start, position.seq), fingerprint: 0 });
    return true;
  }

  #readLog(viewer: Viewer, maxEntries: number): Emission | undefined {
    const delivery =
      viewer.credit > 0
        ? (this.#sharedFor(viewer, maxEntries) ?? this.#compose(viewer, maxEntries))
        : undefined;
    if (delivery !== undefined) {
      viewer.advance(delivery);
      viewer.ephemeralSeen = delivery.ephemeralUpto;
      if (delivery.audience !== undefined) viewer.audience = delivery.audience;
      this.#counters.ephemeralDropped += delivery.ephemeralDropped;
      return { kind: 'batch', frame: viewer.charge(delivery.frame) };
    }
    if (viewer.position.seq < this.timeline.log.head) {
      // Out of credit: what is no batch is told all the same.
      this.#atHead.add(viewer);
      return undefined;
    }
    if (this.#catchUp(viewer)) return { kind: 'caught-up', cursor: viewer.position };
    this.#atHead.add(viewer);
    return undefined;
  }

  #sharedFor(viewer: Viewer, maxEntries: number): Delivery | undefined {
    const shared = this.#shared;
    const { position, ephemeralSeen, audience, stage } = viewer;
    const same =
      shared?.seq === position.seq && shared.ephemeralSeen === ephemeralSeen && shared.audience === audience;
    return same && stage.kind === 'live' && maxEntries === Infinity ? shared.delivery : undefined;
  }

  /** Finds or makes the frame that a viewer is owed from the log; undefined when it has everything. */
  #compose(viewer: Viewer, maxEntries: number): Delivery | undefined {
    const { log } = this.timeline;
    const { seq } = viewer.position;
    const { ephemeralSeen } = viewer;
    const slice = log.read(seq, maxEntries);
    const { upto, fingerprint, count } = slice;
    if (viewer.stage.kind !== 'live' || upto < log.head) {
      if (count === 0) return undefined;
      this.#touched();
      const frame = log.frameOf(seq, slice);
      return {
        upto,
        fingerprint,
        count,
        ephemeralUpto: ephemeralSeen,
        ephemeralDropped: 0,
        audience: undefined,
        frame,
      };
    }
    const ephemeral = this.#ephemeral.read(ephemeralSeen, this.#clock.monotonicMs());
    const { dropped: ephemeralDropped } = ephemeral;
    const audience = this.#audienceTold === viewer.audience ? undefined : this.#audienceTold;
    const nothing = count === 0 && ephemeral.pieces.length === 0 && ephemeralDropped === 0;
    if (nothing && audience === undefined) return undefined;
    const pieces = [...slice.pieces, ...ephemeral.pieces];
    const frame = new CompressibleFrame(batchFrame(this.name, pieces, { ephemeralDropped, audience }));
    const ephemeralUpto = ephemeral.upto;
    const delivery = { upto, fingerprint, count, ephemeralUpto, ephemeralDropped, audience, frame };
    if (maxEntries === Infinity) this.#shared = { seq, ephemeralSeen, audience: viewer.audience, delivery };
    return delivery;
  }

  /**
   * Whether a viewer that has everything is to be told so: for the first time, or with a new bookmark. Not as long as it cannot
   * be known that this is everything.
   */
  #catchUp(viewer: Viewer): boolean {
    if (!this.timeline.verified) return false;
    const { bookmark, unseen } = this.timeline;
    const { seq } = viewer.position;
    const renamed = bookmark.epoch !== viewer.position.epoch;
    const named = viewer.unnamed === seq && bookmark.seq === seq && !unseen;
    if (viewer.stage.kind === 'live' && bookmark.seq <= seq && !renamed && !named) return false;
    viewer.stage = LIVE;
    // First the same place under another name, so that the client can tell that it is the same, then one further on.
    if (renamed) viewer.position = { ...viewer.position, epoch: bookmark.epoch };
    // A start looked up in the stream, or a page of history, may have taken the viewer further than the room, or to where
    // the stream no longer has the message that the room has last: a cursor names none that the viewer has not had.
    else if (bookmark.seq > seq || named || (bookmark.seq === seq && bookmark.fingerprint === 0 && !unseen)) {
      viewer.position = bookmark;
      this.#promiseName(viewer);
    }
    return true;
  }

  /** A viewer that was put at the room's newest message gets a cursor that names it as soon as it has been looked at. */
  #promiseName(viewer: Viewer): void {
    const { unseen, bookmark } = this.timeline;
    viewer.unnamed = unseen ? bookmark.seq : undefined;
    if (unseen) void this.timeline.identify();
  }

  #replayPage(viewer: Viewer, maxEntries: number): Emission | 'again' | undefined {
    if (viewer.credit <= 0) {
      this.#waiting.add(viewer);
      return undefined;
    }
    // Proven in this era, under whatever name the stream had then.
    const position = { ...viewer.position, epoch: this.timeline.era.epoch };
    const { seq } = position;
    const page = this.#history.find((candidate) => candidate.continues(seq) && candidate.canJudge(position));
    if (page === undefined) {
      this.#wait(viewer, seq);
      return;
    }
    const verdict = page.judge(position);
    if (verdict !== 'continuous') {
      if (verdict === 'evicted') viewer.skip(position, page.nextAfter(seq));
      else viewer.reset('REWOUND', { ...position, fingerprint: 0 });
      return 'again';
    }
    if (page.upto < this.timeline.log.base) this.#history.readAhead(page);
    const slice = page.read(seq, maxEntries);
    viewer.advance(slice);
    if (slice.count === 0) return 'again';
    this.#touched();
    return { kind: 'batch', frame: viewer.charge(page.frameOf(seq, slice)) };
  }

  /** Waits for the page that begins at `from`. */
  #wait(viewer: Viewer, from: number): undefined {
    this.#waiting.add(viewer);
    this.#history.want(from);
  }

  /** Judges the cursor that a viewer brought; false when that must wait. */
  #settled(viewer: Viewer, cursor: Position, against: 'memory' | 'leader'): boolean {
    const result = this.#admission.settle(viewer, cursor, against);
    if (result === 'needs-page') this.#wait(viewer, cursor.seq);
    return result === 'settled';
  }

  async #readHistory(from: number): Promise<HistoryRead> {
    this.#counters.historyReads++;
    const read = await readHistory(this.#upstream, this.name, from);
    this.timeline.learn(read);
    return read;
  }

  async #receivePage(page: HistoryPage): Promise<void> {
    this.#touched();
    // A page of another epoch says nothing about this one; the leader will tell what happened.
    if (page.epoch !== this.timeline.era.epoch) {
      this.#history.clear();
      await this.timeline.check();
    } else if (page.holdsAfter(this.timeline.provenTo)) {
      // The feed has yet to say so, or has lost it; who goes on from the page must not be further than the room.
      void this.timeline.check();
    }
    this.#wakeWaiting();
  }

  #forgetHistory(): void {
    this.#history.clear();
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    const woken = this.#waiting;
    this.#waiting = new Set();
    for (const viewer of woken) viewer.waker.wake(viewer);
  }

  #wakeAtHead(): void {
    this.#lag.see(this.timeline);
    this.#shared = undefined;
    if (this.#atHead.size === 0) return;
    const woken = this.#atHead;
    this.#atHead = new Set();
    for (const viewer of woken) viewer.waker.wake(viewer);
  }
}
