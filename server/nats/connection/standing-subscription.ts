import type { Msg, NatsError, Subscription } from 'nats';
import type { NatsConnection } from './connection.ts';

/** Told what comes. A throw here would kill the connection's reader without a word. */
export type SubscriptionCallback = (error: NatsError | null, message: Msg) => void;

/**
 * One subscription that many wait at, for as long as the gateway lives. After a reconnect the client subscribes again by itself, but a server
 * beyond its limit takes only some, and does not say which; one that takes the permission away ends it, and says nothing when it is back. So
 * whoever misses something has it made again.
 */
export class StandingSubscription {
  readonly #connection: Pick<NatsConnection, 'nc' | 'onError'>;
  readonly #subject: string;
  readonly #callback: SubscriptionCallback;
  readonly #unwatch: () => void;
  #subscription: Subscription;
  /** The server has refused some subscription of this connection since something came by this one. */
  #doubtful = false;

  constructor(
    connection: Pick<NatsConnection, 'nc' | 'onError'>,
    subject: string,
    callback: SubscriptionCallback,
  ) {
    this.#connection = connection;
    this.#subject = subject;
    this.#callback = callback;
    this.#unwatch = connection.onError(({ code }) => {
      if (code === 'MAX_SUBSCRIPTIONS') this.#doubtful = true;
    });
    this.#subscription = this.#subscribe();
  }

  /**
   * Subscribes again if the server may not listen for it. What is on its way by it is lost then: to be called while nothing is expected, and when
   * something that was has not come.
   * @returns whether it did
   */
  renewIfDoubtful(): boolean {
    if (this.#connection.nc.isClosed() || !(this.#doubtful || this.#subscription.isClosed())) return false;
    // If there is still no room, the server says so again.
    this.#doubtful = false;
    this.#subscription.unsubscribe();
    this.#subscription = this.#subscribe();
    return true;
  }

  close(): void {
    this.#unwatch();
    this.#subscription.unsubscribe();
  }

  #subscribe(): Subscription {
    return this.#connection.nc.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error === null) this.#doubtful = false;
        this.#callback(error, message);
      },
    });
  }
}
