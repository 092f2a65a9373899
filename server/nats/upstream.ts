import type { Clock } from '../../common/clock.ts';
import { Limiter } from '../../common/limiter.ts';
import { canVerify } from '../core/upstream-state.ts';
import { UpstreamError } from '../core/upstream-error.ts';
import type { LastMessage } from '../core/message.ts';
import type { Feed, FeedSink, HistoryRead, RoomEnd, StreamStart, Upstream } from '../core/upstream.ts';
import type { Logger } from '../ops/logging.ts';
import type { Upline } from './connection.ts';
import type { Feeds } from './feeds.ts';
import { HistoryReader } from './history-reader.ts';
import type { StreamLeader } from './leader.ts';
import { locate } from './locate.ts';
import type { ReadContext } from './page-reader.ts';
import { encodePresence } from './presence.ts';
import { RoomEnds } from './room-ends.ts';
import { ReadWindow } from './read-window.ts';
import type { UpstreamHealth } from './upstream-health.ts';

/** Lookups of starts under way at once: they cost many requests each, and must not keep rooms from being read. */
const MAX_LOOKUPS = 4;

/** Rooms as NATS JetStream has them. */
export class NatsUpstream implements Upstream {
  readonly #upline: Upline;
  readonly #leader: StreamLeader;
  readonly #feeds: Feeds;
  readonly #health: Pick<UpstreamHealth, 'causes'>;
  readonly #gateway: string;
  readonly #logger: Logger;
  readonly #lookups = new Limiter(MAX_LOOKUPS);
  readonly #context: ReadContext;
  readonly #history: HistoryReader;
  readonly #ends: RoomEnds;

  /** @param gateway identity of this process among the gateways */
  constructor(
    upline: Upline,
    leader: StreamLeader,
    feeds: Feeds,
    health: Pick<UpstreamHealth, 'causes'>,
    gateway: string,
    clock: Clock,
    logger: Logger,
  ) {
    this.#upline = upline;
    this.#leader = leader;
    this.#feeds = feeds;
    this.#health = health;
    this.#gateway = gateway;
    this.#logger = logger;
    const window = new ReadWindow(clock);
    upline.onChange((up) => {
      if (!up) window.lost();
    });
    this.#context = { upline, leader, window, clock };
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

  roomEnd(room: string, known?: LastMessage): Promise<RoomEnd> {
    return this.#ask('read the end', room, async () => {
      const { epoch, lastSeq } = await this.#leader.state();
      const last = await this.#ends.last(room, known);
      const after = await this.#leader.state();
      if (after.epoch !== epoch)
        throw new Error('the stream was created again while it was asked for its end');
      // It was not fetched: that it was held before says nothing of now.
      const gone =
        last !== undefined && (last === known || last.fingerprint === 0) && last.seq < after.firstSeq;
      const held = gone ? undefined : last;
      return { epoch, formerly: after.formerly, lastSeq, last: held, firstSeq: after.firstSeq };
    });
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

  announce(room: string, viewers: number): void {
    if (!this.#upline.up) return;
    this.#upline.nc.publish(
      this.#leader.subjects.presence(room),
      encodePresence({ gateway: this.#gateway, viewers }),
    );
  }

  locate(room: string, start: StreamStart): Promise<number> {
    return this.#ask('find a start', room, () => this.#lookups.run(() => locate(this.#context, room, start)));
  }

  /** Reads no more. */
  close(): void {
    this.#history.close();
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
