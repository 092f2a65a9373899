import type { Msg } from 'nats';
import { createInbox } from 'nats';
import type { AckSubject } from '../codec/ack-subject.ts';
import { parseAckSubject } from '../codec/ack-subject.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { StandingSubscription } from '../connection/standing-subscription.ts';

/** Told what comes for one consumer's reader. What it throws comes back as a failure. */
export interface ReadListener {
  message(message: Msg, ack: AckSubject): void;
  /** A pull has ended: its number, and how. */
  status(pull: number, message: Msg): void;
  /** Nothing more can be received. */
  failed(error: Error): void;
}

/**
 * What all reads of the stream receive comes by one subscription, made before any room's: where the limit on subscriptions is reached, the rooms
 * that fitted must still be read. A reader that is closed leaves nothing on its way for long, because its consumer is deleted.
 */
export class ReadInbox {
  readonly #inbox = createInbox();
  readonly #subscription: StandingSubscription;
  /** By consumer. */
  readonly #listeners = new Map<string, ReadListener>();

  constructor(connection: NatsConnection) {
    this.#subscription = new StandingSubscription(connection, `${this.#inbox}.*.*`, (error, message) => {
      if (error !== null) for (const listener of [...this.#listeners.values()]) listener.failed(error);
      else this.#receive(message);
    });
  }

  /** Gives the listener what comes for the consumer, until {@link forget}. */
  listen(consumer: string, listener: ReadListener): void {
    if (this.#listeners.size === 0) this.#subscription.renewIfDoubtful();
    this.#listeners.set(consumer, listener);
  }

  forget(consumer: string): void {
    this.#listeners.delete(consumer);
  }

  /** Where a pull of the consumer is to be answered. */
  replyTo(consumer: string, pull: number): string {
    return `${this.#inbox}.${consumer}.${pull}`;
  }

  /** What a reader waited for has not come. */
  missed(): void {
    this.#subscription.renewIfDoubtful();
  }

  close(): void {
    this.#subscription.close();
  }

  /** A throw would kill the connection's reader without a word. */
  #receive(message: Msg): void {
    let listener: ReadListener | undefined;
    try {
      if (message.reply !== undefined && message.reply !== '') {
        const ack = parseAckSubject(message.reply);
        listener = this.#listeners.get(ack.consumer);
        listener?.message(message, ack);
      } else {
        const [consumer = '', pull] = message.subject.slice(this.#inbox.length + 1).split('.');
        listener = this.#listeners.get(consumer);
        listener?.status(Number(pull), message);
      }
    } catch (cause) {
      listener?.failed(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }
}
