import type { Msg, MsgHdrs, NatsConnection } from 'nats';
import { createInbox, ErrorCode, NatsError } from 'nats';
import type { Clock, Timer } from '../../common/clock.ts';
import type { PublishOutcome } from '../core/publishing.ts';

/** How long a message waits for its acknowledgement, in milliseconds. */
const ACK_TIMEOUT_MS = 2_000;
/** From 2.11 on: a message with this id is being stored. Retrying tells its outcome. */
const ID_IN_PROCESS = 10158;

/** A message for a stream. */
export interface StreamMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
}

/** What JetStream answers (JetStream wire API, "PubAck"). */
interface PubAck {
  readonly seq: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

interface Waiting {
  readonly settle: (outcome: PublishOutcome) => void;
  /** On the monotonic clock. */
  readonly dueMs: number;
}

const UNKNOWN: PublishOutcome = { kind: 'unknown' };

/**
 * Publishes into streams and waits for the acknowledgements, which all come by one subscription. The client library's own
 * way makes an error with a stack for each, a timer and a write of its own: 40% fewer messages a second.
 */
export class PubAcks {
  readonly #nc: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox = `${createInbox()}.`;
  /** Asked for in this turn of the event loop. */
  #unsent: (StreamMessage & Pick<Waiting, 'settle'>)[] = [];
  /** By token; the first was sent first. */
  readonly #waiting = new Map<string, Waiting>();
  #sent = 0;
  #timer: Timer | undefined;

  constructor(nc: NatsConnection, clock: Clock) {
    this.#nc = nc;
    this.#clock = clock;
    nc.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message);
      },
    });
    void nc.closed().then(() => {
      this.#giveUp(Infinity);
      this.#timer?.cancel();
    });
  }

  /** Sends one message once. Never rejects: what is not acknowledged in time is `unknown`. */
  publish(message: StreamMessage): Promise<PublishOutcome> {
    return new Promise((settle) => {
      if (this.#unsent.length === 0) setImmediate(() => this.#send());
      this.#unsent.push({ ...message, settle });
    });
  }

  /** What was asked for in one turn goes to NATS in one write, in the same order. */
  #send(): void {
    const dueMs = this.#clock.monotonicMs() + ACK_TIMEOUT_MS;
    for (const { subject, payload, headers, settle } of this.#unsent) {
      const token = String(++this.#sent);
      try {
        this.#nc.publish(subject, payload, { headers, reply: this.#inbox + token });
        this.#waiting.set(token, { settle, dueMs });
      } catch (error) {
        settle(unsendable(error));
      }
    }
    this.#unsent = [];
    this.#watch();
  }

  #answered({ subject, data, headers }: Msg): void {
    const token = subject.slice(this.#inbox.length);
    const waiting = this.#waiting.get(token);
    this.#waiting.delete(token);
    // A status instead of an answer: nobody listens there.
    waiting?.settle(headers?.hasError === true ? UNKNOWN : outcomeOf(data));
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return;
    this.#timer = this.#clock.after(oldest.dueMs - this.#clock.monotonicMs(), () => {
      this.#timer = undefined;
      this.#giveUp(this.#clock.monotonicMs());
      this.#watch();
    });
  }

  /** Waits no longer for what was due by `nowMs`. */
  #giveUp(nowMs: number): void {
    for (const [token, { settle, dueMs }] of this.#waiting) {
      if (dueMs > nowMs) return;
      this.#waiting.delete(token);
      settle(UNKNOWN);
    }
  }
}

/** What an answer says; one that is no PubAck, from whomever, says nothing. Never throws: all acknowledgements come this way. */
function outcomeOf(data: Uint8Array): PublishOutcome {
  try {
    return readAck(JSON.parse(Buffer.from(data).toString()) as PubAck);
  } catch {
    return UNKNOWN;
  }
}

function readAck({ seq, duplicate, error }: PubAck): PublishOutcome {
  if (!error)
    return Number.isSafeInteger(seq) ? { kind: 'stored', seq, duplicate: duplicate === true } : UNKNOWN;
  const { code, err_code: detail, description } = error;
  const final = code >= 400 && code < 500 && detail !== ID_IN_PROCESS;
  return final ? { kind: 'refused', message: String(description) } : UNKNOWN;
}

function unsendable(error: unknown): PublishOutcome {
  const tooLarge = error instanceof NatsError && error.code === ErrorCode.MaxPayloadExceeded.toString();
  return tooLarge ? { kind: 'refused', message: error.message } : { kind: 'unsent' };
}
