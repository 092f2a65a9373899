import type { BackoffLimits } from '../../../common/backoff.ts';
import { backoffCeiling } from '../../../common/backoff.ts';
import type { Timer } from '../../../common/clock.ts';
import type { Feed, FeedSink } from '../../upstream/upstream.ts';
import type { FeedDependencies } from './feed.ts';
import { RoomFeed } from './feed.ts';
import type { UpstreamHealth } from '../health/upstream-health.ts';

/** How often rooms without a feed are compared with the stream, in milliseconds, and how many of them at most. */
const POLL = { everyMs: 1_000, rooms: 100 };
/** How long after it was refused a subscription is tried again, in milliseconds. */
const RETRY: BackoffLimits = { baseMs: 1_000, maxMs: 30_000 };

/** A feed that is not whole, and when it is tried again. */
interface Loss {
  failures: number;
  /** On the monotonic clock. */
  dueMs: number;
}

/**
 * The feeds of all rooms. While one is missing, that is told, its room is compared with the stream now and then, and it is tried again: a
 * limit is raised, a permission given back.
 */
export class Feeds {
  readonly #dependencies: FeedDependencies;
  readonly #health: Pick<UpstreamHealth, 'raise' | 'clear'>;
  /** Those polled last are at the end. */
  readonly #feeds = new Set<RoomFeed>();
  readonly #lost = new Map<RoomFeed, Loss>();
  readonly #timer: Timer;
  readonly #unwatch: () => void;
  /** Whether the stream republishes what it stores. */
  #republished = true;

  constructor(dependencies: FeedDependencies, health: Pick<UpstreamHealth, 'raise' | 'clear'>) {
    this.#dependencies = dependencies;
    this.#health = health;
    this.#timer = dependencies.clock.every(POLL.everyMs, () => this.#poll());
    this.#unwatch = dependencies.connection.onChange((up) => {
      if (up) void this.#confirmAll().catch(() => undefined);
    });
  }

  /**
   * Subscribes to a room's feed.
   * @throws when NATS does not let us listen, says why
   */
  async open(room: string, sink: FeedSink): Promise<Feed> {
    const feed = new RoomFeed(this.#dependencies, room, sink, () => this.#lose(feed));
    try {
      await this.#dependencies.connection.whileUp(() => feed.subscribe());
      if (!feed.reliable) throw new Error(missing(feed));
    } catch (error) {
      this.#close(feed);
      throw error;
    }
    this.#feeds.add(feed);
    if (feed.missing.size > 0) this.#lose(feed);
    return { close: () => this.#close(feed) };
  }

  /** Says whether the stream republishes what it stores; without that no feed brings anything. */
  set republished(republished: boolean) {
    if (this.#republished === republished) return;
    this.#republished = republished;
    this.#tell();
    if (republished) for (const { sink } of this.#feeds) sink.doubtful();
  }

  close(): void {
    this.#timer.cancel();
    this.#unwatch();
  }

  #close(feed: RoomFeed): void {
    feed.close();
    this.#feeds.delete(feed);
    this.#found(feed);
  }

  #lose(feed: RoomFeed): void {
    if (!this.#feeds.has(feed) || this.#lost.has(feed)) return;
    this.#lost.set(feed, { failures: 0, dueMs: this.#dependencies.clock.monotonicMs() + RETRY.baseMs });
    this.#tell(feed);
  }

  #found(feed: RoomFeed): void {
    if (this.#lost.delete(feed)) this.#tell();
  }

  #tell(feed?: RoomFeed): void {
    if (!this.#republished) {
      this.#health.raise(
        'FEED_MISSING',
        'the stream does not republish what it stores: rooms are polled; nats stream edit says how to fix it',
      );
    } else if (feed !== undefined) this.#health.raise('FEED_MISSING', missing(feed));
    else if (this.#lost.size === 0) this.#health.clear('FEED_MISSING');
  }

  /** Rooms take turns: many of them at once would be a burden for JetStream, which has other questions to answer. */
  #poll(): void {
    if (!this.#dependencies.connection.up) return;
    const nowMs = this.#dependencies.clock.monotonicMs();
    for (const [feed, { dueMs }] of this.#lost) if (dueMs <= nowMs) void this.#retry(feed);
    if (this.#republished && this.#lost.size === 0) return;
    let left = POLL.rooms;
    for (const feed of [...this.#feeds]) {
      if (this.#republished && feed.reliable) continue;
      if (left-- === 0) return;
      this.#feeds.delete(feed);
      this.#feeds.add(feed);
      feed.sink.doubtful();
    }
  }

  async #retry(feed: RoomFeed): Promise<void> {
    const loss = this.#lost.get(feed);
    if (loss === undefined) return;
    loss.dueMs = Infinity;
    await feed.subscribe().catch(() => undefined);
    if (feed.missing.size === 0) {
      this.#found(feed);
      // What was stored before the subscription was confirmed.
      feed.sink.doubtful();
      return;
    }
    loss.failures++;
    loss.dueMs = this.#dependencies.clock.monotonicMs() + backoffCeiling(loss.failures, RETRY);
  }

  /**
   * After a reconnect the client has subscribed to everything again. Where the server says that it was too much, it does not say of which:
   * each room tries again, and those that do not fit know it.
   */
  async #confirmAll(): Promise<void> {
    const errors = await this.#dependencies.connection.sync();
    if (!errors.some(({ code }) => code === 'MAX_SUBSCRIPTIONS')) return;
    for (const feed of this.#feeds) void this.#confirm(feed);
  }

  async #confirm(feed: RoomFeed): Promise<void> {
    await feed.subscribe().catch(() => undefined);
    if (feed.missing.size > 0) this.#lose(feed);
    else feed.sink.doubtful();
  }
}

function missing({ missing: subjects }: RoomFeed): string {
  const [first, ...others] = subjects;
  const more = others.length === 0 ? '' : ` (and ${others.join(', ')})`;
  return `not subscribed to ${first}${more}: no permission, or the limit on subscriptions is reached`;
}
