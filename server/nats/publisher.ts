import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamClient, NatsConnection } from 'nats';
import { ErrorCode, NatsError } from 'nats';
import type { MessageContent } from '../core/message.ts';
import type { PublishOutcome, PublishTarget } from '../core/publishing.ts';
import type { Upline } from './connection.ts';
import { encodeHeaders } from './message-codec.ts';
import { ephemeralSubject, roomSubject } from './subjects.ts';

/** How long one attempt waits for its acknowledgement, in milliseconds. */
const ACK_TIMEOUT_MS = 2_000;
const RETRY_MS = { first: 50, max: 1_000 };
/** From 2.11 on: a message with this id is being stored. Retrying tells its outcome. */
const ID_IN_PROCESS = 10158;

/** Publishes for viewers and backends that come through the gateway. */
export class Publisher implements PublishTarget {
  readonly #upline: Upline;
  readonly #js: JetStreamClient;

  constructor(upline: Upline) {
    this.#upline = upline;
    this.#js = upline.nc.jetstream({ timeout: ACK_TIMEOUT_MS });
  }

  // The client library has no buffer for the time without a connection: nothing is handed to it then.
  async reliable(room: string, content: MessageContent, signal: AbortSignal): Promise<PublishOutcome> {
    const headers = encodeHeaders(content);
    let sent = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#upline.whenUp(signal);
        sent = true;
        const ack = await this.#js.publish(roomSubject(room), content.payload, {
          msgID: content.id,
          headers,
        });
        return { kind: 'stored', seq: ack.seq, duplicate: ack.duplicate };
      } catch (error) {
        if (isRefusal(error)) return { kind: 'refused', message: error.message };
      }
      const pause = Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.max);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
    return { kind: sent ? 'unknown' : 'unsent' };
  }

  ephemeral(room: string, content: MessageContent): boolean {
    if (!this.#upline.up) return false;
    const nc: NatsConnection = this.#upline.nc;
    nc.publish(ephemeralSubject(room), content.payload, { headers: encodeHeaders(content) });
    return true;
  }
}

/** Errors that the same message would meet again. */
function isRefusal(error: unknown): error is NatsError {
  if (!(error instanceof NatsError)) return false;
  if (error.api_error !== undefined) {
    const { code, err_code } = error.api_error;
    return code >= 400 && code < 500 && err_code !== ID_IN_PROCESS;
  }
  return error.code === ErrorCode.MaxPayloadExceeded.toString();
}
