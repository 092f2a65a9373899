import type { Clock } from '../../common/clock.ts';
import { Limiter } from '../../common/limiter.ts';
import { canVerify } from '../upstream/upstream-cause.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { LastMessage } from '../log/message.ts';
import type { HistoryRead, RoomEnd, StreamState } from '../log/evidence.ts';
import type { Feed, FeedSink, StreamStart, Upstream } from '../upstream/upstream.ts';
import type { Logger } from '../observability/logging.ts';
import type { NatsConnection } from './connection/connection.ts';
import type { Feeds } from './feed/feeds.ts';
import { HistoryReader } from './read/history-reader.ts';
import type { StreamLeader } from './stream/leader.ts';
import { locate } from './read/locate.ts';
import type { ReadContext } from './read/page-reader.ts';
import { RoomEnds } from './read/room-ends.ts';
import { ReadInbox } from './read/read-inbox.ts';
import { ReadWindow } from './read/read-window.ts';
import type { UpstreamHealth } from './health/upstream-health.ts';

/** Lookups of starts under way at once: they cost many requests each, and must not keep rooms from being read. */
const MAX_LOOKUPS = 4;
/** For so long an answer of the leader serves all rooms that only want to know whether anything has happened, in milliseconds. */
const RECENT_MS = 1_000;

/** Rooms as NATS JetStream has them. */
export class NatsUpstream implements Upstream {
  readonly #leader: StreamLeader;
  readonly #feeds: Feeds;
  readonly #health: Pick<UpstreamHealth, 'causes'>;
  readonly #logger: Logger;
  readonly #lookups = new Limiter(MAX_LOOKUPS);
  #recent: { readonly askedMs: number; readonly state: Promise<StreamState> } | undefined;
  readonly #inbox: ReadInbox;
  readonly #context: ReadContext;
  readonly #history: HistoryReader;
  readonly #ends: RoomEnds;

  constructor(
    connection: NatsConnection,
    leader: StreamLeader,
    feeds: Feeds,
    health: Pick<UpstreamHealth, 'causes'>,
    clock: Clock,
    logger: Logger,
  ) {
    this.#leader = leader;
    this.#feeds = feeds;
    this.#health = health;
    this.#logger = logger;
    const window = new ReadWindow(clock);
    connection.onChange((up) => {
      if (!up) window.lost();
    });
    this.#inbox = new ReadInbox(connection);
    this.#context = { connection, leader, window, inbox: this.#inbox, clock };
    this.#history = new HistoryReader(this.#context);
    this.#ends = new RoomEnds(this.#context);
  }

  /** Where rooms begin and end; what is read for it goes through the same window. */
  get ends(): RoomEnds {
    return this.#ends;
  }

  openFeed(room: string, sink: FeedSink): Promise<Feed> {
    return this.#ask('subscribe', room, () => this.#feeds.open(room, sink));
  }

  roomEnd(room: string, known?: LastMessage, before?: RoomEnd): Promise<RoomEnd> {
    return this.#ask('read the end', room, async () => {
      if (before?.stream !== undefined && isSame(before.stream, await this.#recentState())) return before;
      const look = this.#ends.look(room, known);
      const asked = await this.#leader.state();
      const { epoch, lastSeq } = asked;
      const last = await this.#ends.last(room, look);
      const after = await this.#leader.state();
      if (after.epoch !== epoch)
        throw new Error('the stream was created again while it was asked for its end');
      // It was not fetched: that it was held before says nothing of now.
      const gone =
        last !== undefined && (last === known || last.fingerprint === 0) && last.seq < after.firstSeq;
      const held = gone ? undefined : last;
      const stream = isSame(asked, after) ? after : undefined;
      return { epoch, formerly: after.formerly, lastSeq, last: held, firstSeq: after.firstSeq, stream };
    });
  }

  /** The stream as it was a moment ago at most: one answer for all silent rooms, however many there are. */
  #recentState(): Promise<StreamState> {
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#recent === undefined || nowMs - this.#recent.askedMs >= RECENT_MS) {
      const state = this.#leader.state();
      this.#recent = { askedMs: nowMs, state };
      // A failure is nobody else's.
      state.catch(() => {
        if (this.#recent?.state === state) this.#recent = undefined;
      });
    }
    return this.#recent.state;
  }

  readHistory(room: string, from: number): Promise<HistoryRead> {
    return this.#ask('read history', room, () => this.#leader.reading(() => this.#history.read(room, from)));
  }

  isIntact(after: number, upto: number): Promise<boolean> {
    return this.#ask('look for deleted messages', undefined, () => this.#leader.isIntact(after, upto));
  }

  isYetToCome(seq: number): Promise<boolean> {
    return this.#ask('ask the origin of the mirror', undefined, () => this.#leader.isYetToCome(seq));
  }

  locate(room: string, start: StreamStart): Promise<number> {
    return this.#ask('find a start', room, () => this.#lookups.run(() => locate(this.#context, room, start)));
  }

  /** Reads no more. */
  close(): void {
    this.#history.close();
    this.#inbox.close();
  }

  /** Says in the log why something could not be had; while a cause is told, that has been said. */
  async #ask<T>(what: string, room: string | undefined, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      const level = canVerify(this.#health.causes) ? 'warn' : 'debug';
      this.#logger[level]({ err: error, room }, `NATS: could not ${what}`);
      throw new UpstreamError(`could not ${what}`, { cause: error });
    }
  }
}

/** Whether nothing was stored, removed or put back in between: a history that was exchanged for another differs in its newest message's time. */
function isSame(a: StreamState, b: StreamState): boolean {
  const same = a.epoch === b.epoch && a.firstSeq === b.firstSeq && a.lastSeq === b.lastSeq;
  return same && a.deleted === b.deleted && a.lastTime === b.lastTime;
}
