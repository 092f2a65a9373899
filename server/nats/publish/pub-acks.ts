import type { Msg, MsgHdrs } from 'nats';
import { createInbox, headers as newHeaders } from 'nats';
import type { Clock, Timer } from '../../../common/clock.ts';
import type { PublishOutcome, Refused } from '../../upstream/publish-target.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { StandingSubscription } from '../connection/standing-subscription.ts';
import type { PubAck } from './pub-ack.ts';
import { answererOf, forbiddenTo, outcomeOf, parseAck, refused, unsendable } from './pub-ack.ts';

/** How long a message waits for its acknowledgement, in milliseconds. */
export const ACK_TIMEOUT_MS = 2_000;
/** The status of a message that nobody listens to. */
const NO_RESPONDERS = 503;
/** No stream can have this name: whoever takes messages for a stream refuses those for another. */
const NO_STREAM = 'no.stream';

/** A message for a stream. */
export interface StreamMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

/** The stream that messages are for. */
export interface StreamOrigin {
  readonly stream: string;
  /** Its JetStream domain; undefined: whatever the acknowledgements say. */
  readonly domain?: string | undefined;
}

/** Is told what came of every message, and when it was sent, on the monotonic clock. */
export type AckObserver = (outcome: PublishOutcome, message: StreamMessage, sentMs: number) => void;

interface Waiting {
  readonly message: StreamMessage;
  readonly resolve: (outcome: PublishOutcome) => void;
  /** On the monotonic clock. */
  readonly sentMs: number;
  /** Who answered instead of the stream. */
  otherStream: string | undefined;
}

/**
 * Publishes into a stream and waits for its acknowledgements, which all come by one subscription. The client library's own
 * way makes an error with a stack for each, a timer and a write of its own: 40% fewer messages a second.
 *
 * An acknowledgement counts only if it is the stream's: another one with the same subjects, or that of a leaf node, answers as well.
 */
export class PubAcks {
  readonly #nc: NatsConnection['nc'];
  readonly #clock: Clock;
  readonly #origin: StreamOrigin;
  readonly #observe: AckObserver;
  readonly #inbox = `${createInbox()}.`;
  readonly #subscription: StandingSubscription;
  /** Asked for in this turn of the event loop. */
  #unsent: Pick<Waiting, 'message' | 'resolve'>[] = [];
  /** By token; the first was sent first. */
  readonly #waiting = new Map<string, Waiting>();
  /** Refusals of NATS that belong to one of those that wait; by subject. */
  readonly #forbidden = new Map<string, number>();
  /** Whether a look at those is due. */
  #judging = false;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(
    connection: Pick<NatsConnection, 'nc' | 'onError'>,
    origin: StreamOrigin,
    clock: Clock,
    observe: AckObserver = () => undefined,
  ) {
    const { nc } = connection;
    this.#nc = nc;
    this.#origin = origin;
    this.#clock = clock;
    this.#observe = observe;
    this.#subscription = new StandingSubscription(connection, `${this.#inbox}*`, (error, message) => {
      if (error === null) this.#answered(message);
    });
    void nc.closed().then(() => {
      this.disconnected();
      this.#timer?.cancel();
    });
  }

  /** Sends one message once. Never rejects: what is not acknowledged in time is `unknown`. */
  publish(message: StreamMessage): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
      this.#unsent.push({ message, resolve });
    });
  }

  /**
   * Whether a message for the subject would reach the stream: sends one that the stream refuses because it is for another. Resolves with
   * undefined if it did, else with what came of it. Nothing is stored.
   */
  async test(subject: string): Promise<PublishOutcome | undefined> {
    const headers = newHeaders();
    headers.set('Nats-Expected-Stream', NO_STREAM);
    const outcome = await this.publish({ subject, payload: new Uint8Array(), headers });
    return outcome.kind === 'refused' && outcome.refusal === 'rejected' ? undefined : outcome;
  }

  /**
   * NATS says that something published to the subject was not permitted. It says so once for each message, but not for which: those
   * that wait are resolved when there are as many such errors. What was permitted is acknowledged.
   */
  forbidden(subject: string): void {
    this.#forbidden.set(subject, (this.#forbidden.get(subject) ?? 0) + 1);
    this.#judgeForbidden();
  }

  /** The connection is gone, and with it the acknowledgements of what was sent by it. */
  disconnected(): void {
    this.#giveUp(Infinity, 'the connection to NATS was lost');
  }

  /** What was asked for in one turn goes to NATS in one write, in the same order. */
  #send(): void {
    const sentMs = this.#clock.monotonicMs();
    if (this.#waiting.size === 0) this.#subscription.renewIfDoubtful();
    for (const { message, resolve } of this.#unsent) {
      const { subject, payload, headers } = message;
      const token = String(++this.#sent);
      try {
        this.#nc.publish(subject, payload, { headers, reply: this.#inbox + token });
        this.#waiting.set(token, { message, resolve, sentMs, otherStream: undefined });
      } catch (error) {
        resolve(unsendable(error));
      }
    }
    this.#unsent = [];
    this.#watch();
  }

  #answered({ subject, data, headers }: Msg): void {
    const token = subject.slice(this.#inbox.length);
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    if (headers?.code === NO_RESPONDERS) {
      this.#resolve(token, waiting, this.#noResponders(waiting.message));
    } else {
      const ack = parseAck(data);
      if (this.#isOurs(ack)) this.#resolve(token, waiting, outcomeOf(ack));
      else waiting.otherStream = answererOf(ack);
    }
    this.#judgeForbidden();
  }

  /** Errors do not name the domain. Another stream of that name with these subjects, in another one, is refused at the start. */
  #isOurs({ stream, domain, error }: PubAck): boolean {
    const { stream: name, domain: within } = this.#origin;
    return stream === name && (within === undefined || domain === within || error !== undefined);
  }

  #noResponders({ subject }: StreamMessage): Refused {
    const { stream } = this.#origin;
    return refused(
      'unready',
      `nobody takes ${subject}: the stream ${stream} is missing, or has no leader now`,
    );
  }

  #resolve(token: string, { message, resolve, sentMs }: Waiting, outcome: PublishOutcome): void {
    this.#waiting.delete(token);
    this.#observe(outcome, message, sentMs);
    resolve(outcome);
  }

  /** Looks once, however many errors and acknowledgements come together. */
  #judgeForbidden(): void {
    if (this.#forbidden.size === 0 || this.#judging) return;
    this.#judging = true;
    setImmediate(() => {
      this.#judging = false;
      for (const [subject, errors] of this.#forbidden) {
        const waiting = [...this.#waiting].filter(([, { message }]) => message.subject === subject);
        if (errors < waiting.length) continue;
        this.#forbidden.delete(subject);
        for (const [token, entry] of waiting) this.#resolve(token, entry, forbiddenTo(subject));
      }
    });
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return;
    this.#timer = this.#clock.after(oldest.sentMs + ACK_TIMEOUT_MS - this.#clock.monotonicMs(), () => {
      this.#timer = undefined;
      this.#giveUp(
        this.#clock.monotonicMs() - ACK_TIMEOUT_MS,
        `no acknowledgement of ${this.#origin.stream}`,
      );
      this.#subscription.renewIfDoubtful();
      this.#watch();
    });
  }

  /** Waits no longer for what was sent by `untilMs`. */
  #giveUp(untilMs: number, why: string): void {
    for (const [token, waiting] of this.#waiting) {
      if (waiting.sentMs > untilMs) break;
      const { otherStream } = waiting;
      const detail =
        otherStream === undefined ? why : `${why}, but one of ${otherStream}, which has its subjects, too`;
      this.#resolve(token, waiting, { kind: 'unknown', detail });
    }
    this.#judgeForbidden();
  }
}
