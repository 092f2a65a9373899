import { headers as createHeaders } from 'nats';
import type { MsgHdrs } from 'nats';
import { fingerprint } from '../core/fingerprint.ts';
import type { MessageContent, StoredMessage } from '../core/message.ts';

const TYPE = 'Live-Type';
const SENDER = 'Live-Sender';
const ID = 'Nats-Msg-Id';
/** Headers of NATS itself: set by the server on republishing, or instructions to it. Not the message's. */
const NATS_PREFIX = 'Nats-';

/**
 * The headers that `read` gives. The NATS client refuses to decode some that a server stores without a word, such as
 * names with a space: that message then has none, because it must not keep those behind it from the viewers.
 */
export function readHeaders(read: () => MsgHdrs | undefined): MsgHdrs | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Reads what a publisher said, from its headers and payload; a message without headers is one, too. */
export function decodeContent(headers: MsgHdrs | undefined, payload: Uint8Array): MessageContent {
  if (headers === undefined) return { id: '', type: '', sender: '', payload, headers: [] };
  let [id, type, sender] = ['', '', ''];
  const rest: (readonly [string, string])[] = [];
  for (const [name, values] of headers) {
    const value = values.join(', ');
    if (name === TYPE) type = value;
    else if (name === SENDER) sender = value;
    else if (name === ID) id = value;
    else if (!name.startsWith(NATS_PREFIX)) rest.push([name, value]);
  }
  return { id, type, sender, payload, headers: rest };
}

/** Reads a message of the stream. */
export function decodeStored(
  seq: number,
  timeMs: number,
  headers: MsgHdrs | undefined,
  payload: Uint8Array,
): StoredMessage {
  const content = decodeContent(headers, payload);
  return { seq, check: fingerprint(content), content, timeMs };
}

/** Writes everything of a message but its payload and id into headers. */
export function encodeHeaders(content: Omit<MessageContent, 'payload' | 'id'>): MsgHdrs {
  const headers = createHeaders();
  headers.set(TYPE, content.type);
  if (content.sender !== '') headers.set(SENDER, content.sender);
  for (const [name, value] of content.headers) headers.set(name, value);
  return headers;
}

/** Writes everything of a message but its payload, for a stream that is to store it once. */
export function encodeStoredHeaders(content: Omit<MessageContent, 'payload'>): MsgHdrs {
  const headers = encodeHeaders(content);
  headers.set(ID, content.id);
  return headers;
}

/**
 * A header that the server sets on republished messages: a sequence. NaN when it is missing. The last one counts: the
 * server appends its own to whatever a publisher has copied from elsewhere.
 */
export function sequenceHeader(headers: MsgHdrs, name: string): number {
  const text = headers.last(name);
  return text === '' ? Number.NaN : Number(text);
}

/** When the server says it stored a republished message (from 2.10 on), in ms since the Unix epoch. */
export function storedTimeMs(headers: MsgHdrs): number | undefined {
  const ms = Date.parse(headers.last('Nats-Time-Stamp'));
  return Number.isNaN(ms) ? undefined : ms;
}
