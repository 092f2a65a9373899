import type { Msg, MsgHdrs } from 'nats';
import { createInbox } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { NatsConnection } from './connection.ts';
import { StandingSubscription } from './standing-subscription.ts';

/**
 * A question that the server has had for so long is asked again, in milliseconds: it may have died with the stream's leader.
 * Half of it passes before the server is made to prove that it had nothing more to say, half after.
 */
const ROUND_MS = 500;
/** How long an answer may take that could come at once, in milliseconds, unless whoever asks says otherwise. */
const TIMEOUT_MS = 5_000;
const NO_RESPONDERS = 503;
/** What NATS takes by default, in bytes. */
const MAX_PAYLOAD = 1024 * 1024;

/**
 * Why there is no answer.
 * - `disconnected`: there is no connection, or it was lost before the answer;
 * - `no-responders`: nobody listens there;
 * - `timeout`: whoever listens did not answer in time;
 * - `forbidden`: the account may not ask.
 */
export type RequestFailure = 'disconnected' | 'no-responders' | 'timeout' | 'forbidden';

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly kind: RequestFailure;

  constructor(kind: RequestFailure, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** How a question is asked. */
export interface RequestOptions {
  /** How long an answer may take that could come at once, in milliseconds. */
  readonly timeoutMs?: number;
  /** Whether it is asked again while there is no answer; only for what may happen twice. Default: true. */
  readonly retry?: boolean;
  /**
   * Whoever is to answer may have begun to listen only now: in a cluster the servers do not know it at the same moment. That nobody does is
   * no answer before the patience is over.
   */
  readonly justBegun?: boolean;
  readonly headers?: MsgHdrs;
}

interface Waiting {
  readonly subject: string;
  /** See {@link RequestOptions.justBegun}. */
  readonly justBegun: boolean;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  finish(outcome: Msg | RequestError): void;
}

/**
 * Questions to whoever listens on NATS. On a slow link an answer waits behind other data, so time alone says nothing: an answer is
 * missing when it has not come although the server has answered a PING that was sent after the question.
 */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox = `${createInbox()}.`;
  readonly #waiting = new Map<string, Waiting>();
  readonly #subscription: StandingSubscription;
  #asked = 0;
  #quickestMs = Infinity;

  constructor(connection: NatsConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    const subject = `${this.#inbox}*`;
    this.#subscription = new StandingSubscription(connection, subject, (error, message) => {
      if (error === null) this.#answered(message);
      else this.#fail(() => true, forbidden(`permission to subscribe to ${subject} is missing`));
    });
    connection.onChange((up) => {
      if (up) return;
      this.#quickestMs = Infinity;
      this.#fail(
        () => true,
        new RequestError('disconnected', 'the NATS connection was lost before the answer'),
      );
    });
    connection.onError(({ operation, subject }) => {
      if (operation === 'publish') {
        this.#fail(
          (waiting) => waiting.subject === subject,
          forbidden(`permission to publish ${subject} is missing`),
        );
      }
    });
  }

  /** The shortest time that an answer has taken on this connection, in milliseconds; Infinity when there was none yet. */
  get quickestMs(): number {
    return this.#quickestMs;
  }

  /** The largest message that the server takes, in bytes. */
  get maxPayload(): number {
    return this.#connection.nc.info?.max_payload ?? MAX_PAYLOAD;
  }

  /**
   * Asks, and resolves with the first answer. It was given after the call.
   * @throws RequestError
   */
  ask(
    subject: string,
    payload: Uint8Array,
    { timeoutMs = TIMEOUT_MS, retry = true, justBegun = false, headers }: RequestOptions = {},
  ): Promise<Msg> {
    if (!this.#connection.up)
      return Promise.reject(new RequestError('disconnected', 'there is no connection to NATS'));
    if (this.#waiting.size === 0) this.#subscription.renewIfDoubtful();
    const token = String(++this.#asked);
    const answered = new AbortController();
    const askedMs = this.#clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        subject,
        justBegun,
        payload,
        headers,
        finish: (outcome) => {
          this.#waiting.delete(token);
          // With a reason of its own no DOMException is made, stack and all, for each request.
          answered.abort('answered');
          if (outcome instanceof Error) reject(outcome);
          else {
            this.#quickestMs = Math.min(this.#quickestMs, this.#clock.monotonicMs() - askedMs);
            resolve(outcome);
          }
        },
      };
      this.#waiting.set(token, waiting);
      this.#send(token, waiting);
      const patience = { rounds: Math.ceil(timeoutMs / ROUND_MS), retry };
      // A connection that has been closed meanwhile takes no request.
      this.#retry(token, waiting, patience, answered.signal).catch(() =>
        waiting.finish(new RequestError('disconnected', 'the NATS connection was closed before the answer')),
      );
    });
  }

  async #retry(
    token: string,
    waiting: Waiting,
    { rounds, retry }: { readonly rounds: number; readonly retry: boolean },
    answered: AbortSignal,
  ): Promise<void> {
    for (let round = 1; ; round++) {
      await sleep(this.#clock, ROUND_MS / 2, answered);
      // Without a connection all that wait have been told.
      if (!answered.aborted) await this.#connection.sync().catch(() => undefined);
      await sleep(this.#clock, ROUND_MS / 2, answered);
      if (answered.aborted) return;
      this.#subscription.renewIfDoubtful();
      if (round >= rounds) {
        waiting.finish(timedOut(waiting.subject));
        return;
      }
      if (retry) this.#send(token, waiting);
    }
  }

  #send(token: string, { subject, payload, headers }: Waiting): void {
    const reply = this.#inbox + token;
    this.#connection.nc.publish(subject, payload, { reply, ...(headers && { headers }) });
  }

  #answered(message: Msg): void {
    const waiting = this.#waiting.get(message.subject.slice(this.#inbox.length));
    if (waiting === undefined) return;
    const noResponders = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    if (noResponders && waiting.justBegun) return;
    waiting.finish(
      noResponders ? new RequestError('no-responders', `nobody listens to ${waiting.subject}`) : message,
    );
  }

  #fail(concerns: (waiting: Waiting) => boolean, error: RequestError): void {
    for (const waiting of this.#waiting.values()) if (concerns(waiting)) waiting.finish(error);
  }
}

const forbidden = (message: string): RequestError => new RequestError('forbidden', message);
const timedOut = (subject: string): RequestError => new RequestError('timeout', `no answer to ${subject}`);
