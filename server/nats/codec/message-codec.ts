import { headers as createHeaders } from 'nats';
import type { MsgHdrs } from 'nats';
import { fingerprint } from '../../log/fingerprint.ts';
import type { MessageContent, StoredMessage } from '../../log/message.ts';
import type { HeaderLine } from './header-lines.ts';

const TYPE = 'Live-Type';
const SENDER = 'Live-Sender';
const ID = 'Nats-Msg-Id';
/** Headers of NATS itself: set by the server on republishing, or instructions to it. Not the message's. */
const NATS_PREFIX = 'Nats-';

const NO_HEADERS: MessageContent['headers'] = [];

/** What the server says of a message that it republishes. */
export interface Republished {
  /** NaN when it is not said. */
  readonly seq: number;
  /** Sequence of the room's message before; NaN when it is not said. */
  readonly prevSeq: number;
  /** When it was stored, in ms since the Unix epoch; said from 2.10 on. */
  readonly timeMs: number | undefined;
}

/** Reads what a publisher said, from headers and payload. Several values of one name become one. */
export function decodeContent(lines: readonly HeaderLine[], payload: Uint8Array): MessageContent {
  let id: string | undefined;
  let type: string | undefined;
  let sender: string | undefined;
  let rest: Map<string, string> | undefined;
  for (const [name, value] of lines) {
    if (name === TYPE) type = joined(type, value);
    else if (name === SENDER) sender = joined(sender, value);
    else if (name === ID) id = joined(id, value);
    else if (!name.startsWith(NATS_PREFIX)) (rest ??= new Map()).set(name, joined(rest.get(name), value));
  }
  const headers = rest === undefined ? NO_HEADERS : [...rest];
  return { id: id ?? '', type: type ?? '', sender: sender ?? '', payload, headers };
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** Reads a message of the stream. */
export function decodeStored(
  seq: number,
  timeMs: number,
  lines: readonly HeaderLine[],
  payload: Uint8Array,
): StoredMessage {
  const content = decodeContent(lines, payload);
  return { seq, fingerprint: fingerprint(content), content, timeMs };
}

/** Reads what the server added. The last line of a name counts: before it may be what a publisher has copied from elsewhere. */
export function decodeRepublished(lines: readonly HeaderLine[]): Republished {
  let seq = Number.NaN;
  let prevSeq = Number.NaN;
  let stamp: string | undefined;
  for (const [name, value] of lines) {
    if (name === 'Nats-Sequence') seq = sequence(value);
    else if (name === 'Nats-Last-Sequence') prevSeq = sequence(value);
    else if (name === 'Nats-Time-Stamp') stamp = value;
  }
  const timeMs = Date.parse(stamp ?? '');
  return { seq, prevSeq, timeMs: Number.isNaN(timeMs) ? undefined : timeMs };
}

function sequence(text: string): number {
  return text === '' ? Number.NaN : Number(text);
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
