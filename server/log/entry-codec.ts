import { PREFIX_BYTES, writePrefix } from './frame-prefix.ts';
import type { EphemeralMessage, MessageContent, StoredMessage } from './message.ts';

/*
 * Protobuf wire encoding (https://protobuf.dev/programming-guides/encoding) of the two repeated
 * fields of `live.v1.Batch`. Written by hand because each entry is encoded exactly once, straight into
 * the room log, and a run of entries is then sent as it lies: concatenated entries of a repeated
 * field are the field. The property tests hold it against protobufjs.
 */

const VARINT = 0;
const LEN = 2;
const FIXED32 = 5;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const BATCH_RELIABLE = tag(2, LEN);
const BATCH_EPHEMERAL = tag(3, LEN);

/** Field numbers of a message kind; the two differ only in what surrounds the content. */
interface ContentFields {
  readonly id: number | undefined;
  readonly type: number;
  readonly sender: number;
  readonly payload: number;
  readonly headers: number;
}
const MESSAGE: ContentFields = { id: 4, type: 5, sender: 6, payload: 8, headers: 9 };
const EPHEMERAL: ContentFields = { id: undefined, type: 1, sender: 2, payload: 4, headers: 5 };

/** Bytes that `value` takes as a varint; a non-negative safe integer. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes `value`, a non-negative safe integer, as a varint; returns the offset behind it. */
export function writeVarint(buffer: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7fffffff) {
    buffer[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** An encoded entry in the making: its size is known before a byte is written. */
export interface Entry {
  /** Bytes of the whole entry, tag and length included. */
  readonly size: number;
  /** Writes the entry at `offset`; `buffer` has room for `size` bytes there. */
  write(buffer: Buffer, offset: number): void;
}

const lengthDelimitedSize = (length: number): number => (length === 0 ? 0 : 1 + varintSize(length) + length);
const stringSize = (text: string): number => lengthDelimitedSize(Buffer.byteLength(text));
const varintFieldSize = (value: number): number => (value === 0 ? 0 : 1 + varintSize(value));

function headerSize(name: string, value: string): number {
  return stringSize(name) + stringSize(value);
}

function contentSize(content: MessageContent, fields: ContentFields): number {
  let size = stringSize(content.type) + stringSize(content.sender);
  size += lengthDelimitedSize(content.payload.byteLength);
  if (fields.id !== undefined) size += stringSize(content.id);
  for (const [name, value] of content.headers) {
    const length = headerSize(name, value);
    size += 1 + varintSize(length) + length;
  }
  return size;
}

function writeVarintField(buffer: Buffer, at: number, field: number, value: number): number {
  if (value === 0) return at;
  buffer[at] = tag(field, VARINT);
  return writeVarint(buffer, at + 1, value);
}

function writeString(buffer: Buffer, at: number, field: number, text: string): number {
  if (text.length === 0) return at;
  buffer[at] = tag(field, LEN);
  const start = writeVarint(buffer, at + 1, Buffer.byteLength(text));
  return start + buffer.write(text, start);
}

function writeBytes(buffer: Buffer, at: number, field: number, bytes: Uint8Array): number {
  if (bytes.byteLength === 0) return at;
  buffer[at] = tag(field, LEN);
  const start = writeVarint(buffer, at + 1, bytes.byteLength);
  buffer.set(bytes, start);
  return start + bytes.byteLength;
}

function writeHeaders(
  buffer: Buffer,
  offset: number,
  field: number,
  headers: MessageContent['headers'],
): number {
  let at = offset;
  for (const [name, value] of headers) {
    buffer[at] = tag(field, LEN);
    at = writeVarint(buffer, at + 1, headerSize(name, value));
    at = writeString(buffer, at, 1, name);
    at = writeString(buffer, at, 2, value);
  }
  return at;
}

/** Encodes a reliable message as an entry of `Batch.reliable`. */
export function reliableEntry(message: StoredMessage, prevSeq: number): Entry {
  const { content } = message;
  const bodySize =
    varintFieldSize(message.seq) +
    varintFieldSize(prevSeq) +
    5 +
    varintFieldSize(message.timeMs) +
    contentSize(content, MESSAGE);
  return {
    size: 1 + varintSize(bodySize) + bodySize,
    write(buffer, offset) {
      buffer[offset] = BATCH_RELIABLE;
      let at = writeVarint(buffer, offset + 1, bodySize);
      at = writeVarintField(buffer, at, 1, message.seq);
      at = writeVarintField(buffer, at, 2, prevSeq);
      buffer[at] = tag(3, FIXED32);
      at = buffer.writeUInt32LE(message.fingerprint, at + 1);
      at = writeString(buffer, at, 4, content.id);
      at = writeString(buffer, at, 5, content.type);
      at = writeString(buffer, at, 6, content.sender);
      at = writeVarintField(buffer, at, 7, message.timeMs);
      at = writeBytes(buffer, at, 8, content.payload);
      writeHeaders(buffer, at, 9, content.headers);
    },
  };
}

/** When the message of an entry of `Batch.reliable` was stored, in milliseconds since the Unix epoch; the entry begins at `offset`. */
export function entryTimeMs(buffer: Buffer, offset: number): number {
  const body = readVarint(buffer, offset + 1);
  const end = body.next + body.value;
  let at = body.next;
  while (at < end) {
    const key = buffer[at] as number;
    if (key === tag(3, FIXED32)) {
      at += 5;
      continue;
    }
    const { value, next } = readVarint(buffer, at + 1);
    if (key === tag(7, VARINT)) return value;
    at = (key & 7) === LEN ? next + value : next;
  }
  return Number.NaN;
}

function readVarint(buffer: Buffer, offset: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let at = offset;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = buffer[at++] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at };
  }
}

/** Encodes an ephemeral message as an entry of `Batch.ephemeral`. */
export function ephemeralEntry(message: EphemeralMessage): Entry {
  const { content } = message;
  const bodySize = varintFieldSize(message.timeMs) + contentSize(content, EPHEMERAL);
  return {
    size: 1 + varintSize(bodySize) + bodySize,
    write(buffer, offset) {
      buffer[offset] = BATCH_EPHEMERAL;
      let at = writeVarint(buffer, offset + 1, bodySize);
      at = writeString(buffer, at, 1, content.type);
      at = writeString(buffer, at, 2, content.sender);
      at = writeVarintField(buffer, at, 3, message.timeMs);
      at = writeBytes(buffer, at, 4, content.payload);
      writeHeaders(buffer, at, 5, content.headers);
    },
  };
}

const SERVER_FRAME_BATCH = tag(3, LEN);
const BATCH_ROOM = tag(1, LEN);
const BATCH_DROPPED_FIELD = 4;
const BATCH_AUDIENCE = tag(5, VARINT);

/** What a batch tells beside its entries. */
export interface BatchRemarks {
  readonly ephemeralDropped: number;
  /** Viewers of the room; undefined when that is not told. */
  readonly audience: number | undefined;
}

/** Bytes in front of a batch's entries, its prefix included; `bodyBytes` of entries and what follows them. */
function headSize(room: string, bodyBytes: number): number {
  const roomBytes = 2 + room.length;
  return PREFIX_BYTES + 1 + varintSize(roomBytes + bodyBytes) + roomBytes;
}

/** Bytes in front of the entries that are enough for {@link completeBatch}. */
export function batchHeadroom(room: string): number {
  return headSize(room, 2 ** 32);
}

/**
 * Makes `ServerFrame{batch}` behind its prefix of entries that lie in a buffer, in place.
 * @param start where the entries begin; at least {@link batchHeadroom} bytes lie before
 * @param bodyBytes of entries, and of what else of the batch follows them
 * @returns where the frame begins
 */
export function completeBatch(room: string, buffer: Buffer, start: number, bodyBytes: number): number {
  const size = headSize(room, bodyBytes);
  const begin = start - size;
  writePrefix(buffer, begin, size - PREFIX_BYTES + bodyBytes);
  buffer[begin + PREFIX_BYTES] = SERVER_FRAME_BATCH;
  const at = writeVarint(buffer, begin + PREFIX_BYTES + 1, 2 + room.length + bodyBytes);
  buffer[at] = BATCH_ROOM;
  // A room name is at most 64 ASCII characters, so its length is one byte.
  buffer[at + 1] = room.length;
  buffer.write(room, at + 2, 'latin1');
  return begin;
}

/** Encodes `ServerFrame{batch}` around pieces of entries, by copying them once; behind its prefix. */
export function batchFrame(room: string, pieces: readonly Buffer[], remarks?: BatchRemarks): Buffer {
  const ephemeralDropped = remarks?.ephemeralDropped ?? 0;
  const audience = remarks?.audience;
  const audienceBytes = audience === undefined ? 0 : 1 + varintSize(audience);
  const remarkBytes = varintFieldSize(ephemeralDropped) + audienceBytes;
  const bodyBytes = pieces.reduce((sum, { length }) => sum + length, remarkBytes);
  const start = headSize(room, bodyBytes);
  const frame = Buffer.allocUnsafe(start + bodyBytes);
  completeBatch(room, frame, start, bodyBytes);
  let at = start;
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  at = writeVarintField(frame, at, BATCH_DROPPED_FIELD, ephemeralDropped);
  if (audience !== undefined) {
    frame[at] = BATCH_AUDIENCE;
    writeVarint(frame, at + 1, audience);
  }
  return frame;
}
