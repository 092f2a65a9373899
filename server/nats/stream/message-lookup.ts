import { Limiter } from '../../../common/limiter.ts';
import type { StoredMessage } from '../../log/message.ts';
import { parseHeaderLines } from '../codec/header-lines.ts';
import { decodeStored } from '../codec/message-codec.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';

/** Bytes that answers with messages may have together: a server cuts off whom it has more to send than its `max_pending`, 64 MB. */
const MAX_GET_BYTES = 32 * 1024 * 1024;
/** Bytes that a byte takes in base64. */
const BASE64 = 4 / 3;
const NO_MESSAGE_FOUND = 10037;

/** Which message of the stream: the one at a sequence, or the first at or after it or the last of a subject. */
export type GetQuery =
  { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string };

/** A message in an answer of `STREAM.MSG.GET`; headers and payload in base64. */
export interface HeldMessage {
  readonly seq: number;
  readonly subject: string;
  readonly time: string;
  readonly hdrs?: string;
  readonly data?: string;
}

/** Single messages of a stream, from its leader. The NATS client has a call for this, but it reads the headers in its own way. */
export class MessageLookup {
  readonly #api: JetStreamApi;
  readonly #endpoint: string;
  readonly #limiter: Limiter;
  readonly #asking: <T>(ask: () => Promise<T>) => Promise<T>;

  /** @param asking runs a question when its turn among all to the leader has come */
  constructor(api: JetStreamApi, stream: string, asking: <T>(ask: () => Promise<T>) => Promise<T>) {
    this.#api = api;
    this.#endpoint = `STREAM.MSG.GET.${stream}`;
    this.#limiter = new Limiter(Math.max(1, Math.floor(MAX_GET_BYTES / (api.maxPayload * BASE64))));
    this.#asking = asking;
  }

  /** The message, or undefined when none is held. */
  get(query: GetQuery): Promise<HeldMessage | undefined> {
    const ask = async (): Promise<HeldMessage | undefined> => {
      try {
        return (await this.#api.ask<{ readonly message: HeldMessage }>(this.#endpoint, query)).message;
      } catch (error) {
        if (error instanceof JetStreamError && error.code === NO_MESSAGE_FOUND) return undefined;
        throw error;
      }
    };
    return this.#limiter.run(() => this.#asking(ask));
  }
}

/** The message as the gateway keeps it. */
export function toStoredMessage({ seq, time, hdrs = '', data = '' }: HeldMessage): StoredMessage {
  const lines = parseHeaderLines(Buffer.from(hdrs, 'base64'));
  return decodeStored(seq, Date.parse(time), lines, Buffer.from(data, 'base64'));
}
