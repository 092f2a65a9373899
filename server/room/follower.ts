import { backoffCeiling } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { coalesced } from '../../common/coalesce.ts';
import { sleep } from '../../common/sleep.ts';
import type { FeedMessage, HistoryRead, RoomEnd } from '../log/evidence.ts';
import type { StoredMessage } from '../log/message.ts';
import type { Position } from '../log/position.ts';
import type { Known, LogObserver } from '../log/verified-log.ts';
import { VerifiedLog } from '../log/verified-log.ts';
import { readHistory } from '../upstream/history-read.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { CheckSchedule } from './check-schedule.ts';
import { FeedBuffer } from './feed-buffer.ts';
import type { RepairListener } from './repair.ts';
import { Repair } from './repair.ts';

/** Feed messages set aside during a repair, at most, in bytes. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** Delays between questions to a leader that does not answer, or lags. Without jitter: what it says counts as confirmed after so much time. */
const RETRY = { baseMs: 100, maxMs: 2000 };
/** A stream that seems to have lost its end is asked so often again: a new leader may lag for a moment. */
const REWIND_CONFIRMATIONS = 4;

/**
 * - `following`: every message so far was proven to follow the one before;
 * - `repairing`: something did not; the stream is being read, the feed is set aside;
 * - `closed`: nothing more will happen.
 */
type Mode =
  | { readonly kind: 'following' }
  | { readonly kind: 'repairing'; readonly buffer: FeedBuffer }
  | { readonly kind: 'closed' };

/** Told what happens to a room's log; called synchronously. */
export interface FollowerListener extends RepairListener {
  /** The feed was found to have lost, repeated or invented something. */
  repairing(): void;
}

/** What a follower needs. */
export interface FollowerDependencies {
  readonly room: string;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Longest time between two looks at the head of a silent room, in milliseconds. */
  readonly maxCheckMs: number;
  readonly listener: FollowerListener;
  /** Told what becomes of the log. */
  readonly observer?: LogObserver | undefined;
}

/**
 * Keeps a room's verified log at the stream's end: it follows the feed, has the log repaired from the stream wherever the feed cannot be
 * proven, and compares the head with the leader's in silence.
 */
export class Follower {
  readonly log: VerifiedLog;
  readonly #dependencies: FollowerDependencies;
  readonly #listener: FollowerListener;
  readonly #repairer: Repair;
  readonly #schedule: CheckSchedule;
  readonly #closing = new AbortController();
  #mode: Mode = { kind: 'repairing', buffer: new FeedBuffer(BUFFER_BYTES) };
  /** The stream cannot be asked now. */
  #suspended = false;
  /** Rises with every interruption of the feed: what the leader said before one proves nothing of what came after. */
  #interruptions = 0;
  /** The repair under way, or the last one. */
  #repair = Promise.resolve();
  /** The leader's last answer that said nothing new. */
  #compared: RoomEnd | undefined;
  /** Somebody has a reason to believe that the room's newest message is no longer what it was. */
  #doubted = false;
  readonly #compareSoon = coalesced(() => this.#compare());

  constructor(dependencies: FollowerDependencies) {
    const { room, upstream, clock, maxCheckMs, listener, observer } = dependencies;
    this.#dependencies = dependencies;
    this.#listener = listener;
    this.log = new VerifiedLog(room, observer);
    const closed = this.#closing.signal;
    this.#repairer = new Repair({ room, log: this.log, upstream, listener, closed });
    this.#schedule = new CheckSchedule(clock, maxCheckMs, () => this.#compareSoon());
  }

  /** Whether the log's end is known to be the room's: what a viewer is told of it can be proven. */
  get verified(): boolean {
    return this.#mode.kind === 'following' && !this.#suspended;
  }

  /**
   * Asks the leader for the head, and applies what the feed has brought meanwhile. The feed was opened before.
   * @throws UpstreamError when the leader cannot be asked
   */
  async start(): Promise<void> {
    const { upstream, room } = this.#dependencies;
    const interruptions = this.#interruptions;
    const end = await upstream.roomEnd(room);
    if (this.#isClosed()) return;
    this.log.begin(end);
    this.#compared = end;
    if (this.#drained() && interruptions === this.#interruptions) this.#follow();
    else this.#startRepair();
    this.#schedule.start();
  }

  close(): void {
    this.#mode = { kind: 'closed' };
    this.#closing.abort('closed');
    this.#schedule.stop();
  }

  /** Takes a message of the feed. */
  receive(message: FeedMessage): void {
    if (this.#mode.kind === 'repairing') {
      this.#mode.buffer.push(message);
    } else if (this.#mode.kind === 'following') {
      if (this.log.isFollowedBy(message)) this.#append(message.message);
      else this.#startRepair(message);
    }
  }

  /**
   * Compares the head with the leader's, repairing if need be. Never rejects: it resolves when the leader has answered
   * a question that was asked after the call, or when the room is closed.
   */
  readonly check = (): Promise<void> => {
    this.#doubted = true;
    return this.#compareSoon();
  };

  /** Reads the room's newest message if it is {@link VerifiedLog.unidentified}. Never rejects. */
  readonly identify = coalesced(async () => {
    const { upstream, room } = this.#dependencies;
    if (!this.log.unidentified) return;
    const read = await readHistory(upstream, room, this.log.last.seq).catch(() => undefined);
    if (read !== undefined && !this.#isClosed()) this.learn(read);
  });

  /** Looks for the room's newest message in what was read of the stream, if its payload has not been seen: cursors can then name it. */
  learn({ epoch, messages }: Pick<HistoryRead, 'epoch' | 'messages'>): void {
    if (epoch === this.log.incarnation.epoch && this.log.identify(messages)) this.#listener.changed();
  }

  /**
   * Checks until the room has come to a position that it does not know, or the leader has said often enough that the
   * stream does not go so far: a new leader may lag for a moment, and a mirror for as long as its origin cannot be asked. Never
   * rejects.
   */
  async reach({ epoch, seq }: Position): Promise<void> {
    for (let retries = 0; !this.#isClosed(); retries++) {
      await this.check();
      const beyond = epoch === this.log.incarnation.epoch && seq > this.log.watermark;
      if (!beyond || (retries >= REWIND_CONFIRMATIONS && !(await this.#mayCome(seq)))) return;
      await this.#pause(retries);
    }
  }

  /** The stream cannot be asked: what is known is not to be told as if it were proven, until {@link distrust}. */
  suspend(): void {
    this.#suspended = true;
  }

  /** The feed was interrupted: what it says is set aside until the leader has told where it goes on. */
  distrust(): void {
    this.#suspended = false;
    this.#interruptions++;
    if (this.#mode.kind === 'following') this.#startRepair();
  }

  #isClosed(): boolean {
    return this.#mode.kind === 'closed';
  }

  /** As long as nobody can say that the stream does not go so far, it may. */
  #mayCome(seq: number): Promise<boolean> {
    return this.#dependencies.upstream.isYetToCome(seq).catch(() => true);
  }

  #append(message: StoredMessage): void {
    this.log.append(message);
    this.#listener.changed();
    this.#schedule.moved();
  }

  #follow(): void {
    this.#mode = { kind: 'following' };
    if (this.verified) this.#listener.changed();
  }

  #startRepair(trigger?: FeedMessage): void {
    this.#compared = undefined;
    const buffer = this.#mode.kind === 'repairing' ? this.#mode.buffer : new FeedBuffer(BUFFER_BYTES);
    if (trigger !== undefined) buffer.push(trigger);
    this.#mode = { kind: 'repairing', buffer };
    this.#listener.repairing();
    this.#repair = this.#repairUntilWhole(buffer);
  }

  /** Has read what the feed could not prove, until feed and stream meet. */
  async #repairUntilWhole(buffer: FeedBuffer): Promise<void> {
    for (let failures = 0, rewinds = 0; !this.#isClosed();) {
      const interruptions = this.#interruptions;
      const { seq } = this.log.last;
      const confirmed = rewinds >= REWIND_CONFIRMATIONS;
      const result = await this.#repairer.attempt(confirmed, buffer).catch(() => 'failed' as const);
      if (this.#isClosed()) return;
      if (this.log.last.seq !== seq) this.#schedule.moved();
      if (result === 'repaired') {
        if (this.#drained() && interruptions === this.#interruptions) {
          this.#follow();
          return;
        }
        failures = rewinds = 0;
      } else {
        if (result === 'behind') rewinds++;
        await this.#pause(failures++);
      }
    }
  }

  /** Applies what was set aside; false when something still does not follow, so that the stream is asked again. */
  #drained(): boolean {
    if (this.#mode.kind !== 'repairing') return true;
    const { messages, complete } = this.#mode.buffer.drain();
    for (const message of messages) {
      if (this.log.identify([message.message])) this.#listener.changed();
      if (this.log.holds(message)) continue;
      if (!this.log.isFollowedBy(message)) return false;
      this.#append(message.message);
    }
    return complete;
  }

  async #compare(): Promise<void> {
    for (let failures = 0; !this.#isClosed(); failures++) {
      // A repair under way may have asked the leader before this check was called for.
      await this.#repair;
      const asked = this.log.known;
      const known = this.log.lastHeld && !this.#doubted ? asked.last : undefined;
      const usable = !this.#doubted && (this.#compared?.lastSeq ?? 0) >= asked.watermark;
      const { upstream, room } = this.#dependencies;
      const before = usable ? this.#compared : undefined;
      const end = await upstream.roomEnd(room, known, before).catch(() => undefined);
      if (this.#mode.kind !== 'following') return this.#repair;
      if (end !== undefined) {
        if (known === undefined) this.#doubted = false;
        return this.#compareWith(end, asked);
      }
      await this.#pause(failures);
    }
  }

  async #compareWith(end: RoomEnd, asked: Known): Promise<void> {
    const same = end.epoch === this.log.incarnation.epoch && end.lastSeq >= asked.watermark;
    if (same && this.log.agreesWith(end, asked)) {
      this.#compared = end;
      if (this.log.confirm(end)) this.#listener.changed();
    } else {
      this.#startRepair();
      await this.#repair;
    }
  }

  #pause(failures: number): Promise<void> {
    return sleep(this.#dependencies.clock, backoffCeiling(failures, RETRY), this.#closing.signal);
  }
}
