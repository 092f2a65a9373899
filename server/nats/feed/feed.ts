import type { Msg, Subscription } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import type { FeedSink } from '../../upstream/upstream.ts';
import type { Logger } from '../../observability/logging.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { headerLines, republishedLines } from '../codec/header-lines.ts';
import { decodeContent, decodeRepublished, decodeStored } from '../codec/message-codec.ts';
import type { Subjects } from '../connection/subjects.ts';

/** What the feeds of all rooms have in common. */
export interface FeedDependencies {
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** NATS takes no more subscriptions from this gateway. */
export class SubscriptionLimitError extends Error {
  override readonly name = 'SubscriptionLimitError';
  override readonly message =
    'maximum subscriptions exceeded: raise the limit of the account (subs) or the server (max_subscriptions)';
}

/**
 * The subscriptions to what the stream republishes of a room, and to its ephemeral messages. A subscription counts when the server has confirmed it: a server that refuses one goes on as if nothing had been.
 */
export class RoomFeed {
  readonly sink: FeedSink;
  readonly #dependencies: FeedDependencies;
  readonly #room: string;
  readonly #refused: () => void;
  readonly #missing = new Set<string>();
  #subscriptions: readonly Subscription[] = [];
  #closed = false;

  /** @param refused called when a subscription that was had is taken away */
  constructor(dependencies: FeedDependencies, room: string, sink: FeedSink, refused: () => void) {
    this.#dependencies = dependencies;
    this.#room = room;
    this.sink = sink;
    this.#refused = refused;
  }

  /** Subjects that this gateway may not subscribe to. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  /** Whether what is stored is told: it is not, as long as the server does not let us listen. */
  get reliable(): boolean {
    return !this.#missing.has(this.#dependencies.subjects.feed(this.#room));
  }

  /**
   * Subscribes anew; resolves when the server has all subscriptions but those that are `missing`. What is stored from then on is
   * delivered, or its loss shows in the next message's `Nats-Last-Sequence`.
   * @throws when there is no connection, or SubscriptionLimitError; the old subscriptions are gone then, and everything is missing
   */
  async subscribe(): Promise<void> {
    this.#unsubscribe();
    if (this.#closed) return;
    this.#missing.clear();
    const handlers = this.#handlers();
    this.#subscriptions = handlers.map(([subject, handle]) => this.#subscribe(subject, handle));
    try {
      const errors = await this.#dependencies.connection.sync();
      if (errors.some(({ code }) => code === 'MAX_SUBSCRIPTIONS')) throw new SubscriptionLimitError();
    } catch (error) {
      this.#unsubscribe();
      for (const [subject] of handlers) this.#missing.add(subject);
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
  }

  #unsubscribe(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions = [];
  }

  #subscribe(subject: string, handle: (message: Msg) => void): Subscription {
    const subscription = this.#dependencies.connection.nc.subscribe(subject, {
      callback: (error, message) => {
        // A throw here would kill the connection's reader without a word.
        try {
          if (error === null) handle(message);
          else if (this.#subscriptions.includes(subscription)) this.#lose(subject);
        } catch (cause) {
          this.#dependencies.logger.error({ err: cause, subject }, 'a feed message could not be handled');
        }
      },
    });
    return subscription;
  }

  #lose(subject: string): void {
    this.#missing.add(subject);
    this.#refused();
  }

  #handlers(): readonly (readonly [subject: string, handle: (message: Msg) => void])[] {
    const { sink } = this;
    const { subjects, clock } = this.#dependencies;
    return [
      [subjects.feed(this.#room), (message) => receiveReliable(message, sink, clock)],
      [
        subjects.ephemeral(this.#room),
        (message) => {
          const content = decodeContent(headerLines(message), message.data);
          sink.ephemeral({ content, timeMs: clock.wallMs() });
        },
      ],
    ];
  }
}

function receiveReliable(message: Msg, sink: FeedSink, clock: Clock): void {
  const lines = republishedLines(message);
  const { seq, prevSeq, timeMs } = decodeRepublished(lines);
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(prevSeq)) return sink.doubtful();
  sink.reliable({ message: decodeStored(seq, timeMs ?? clock.wallMs(), lines, message.data), prevSeq });
}
