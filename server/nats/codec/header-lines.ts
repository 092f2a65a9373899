import type { Msg } from 'nats';
import { headerBlockOf } from '../client-internals.ts';

/** One header as it was written, without the space around its value. A name may come several times. */
export type HeaderLine = readonly [name: string, value: string];

const LINE_BREAK = '\r\n';
/** What the server adds to a message that it republishes begins with this. */
const ADDED = 'Nats-Stream: ';

/**
 * The headers of a message in the order of their bytes. The NATS client's own decoder is not used: it refuses names that a
 * server stores without a word, and looks for each name among all before it, so that one message with many of them
 * would keep all viewers waiting.
 * @throws when the client keeps the bytes elsewhere
 */
export function headerLines(message: Msg): HeaderLine[] {
  return parseHeaderLines(headerBlockOf(message));
}

/**
 * The headers of a message that the server has republished: the same as {@link headerLines} gives of the stored one, and
 * behind them the server's own.
 */
export function republishedLines(message: Msg): HeaderLine[] {
  return parseRepublishedLines(headerBlockOf(message));
}

/**
 * Reads a header block: a line with the version, perhaps a status, then a header a line, then an empty line
 * (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-4.md). A server stores whatever a publisher
 * calls one. Before it adds its own lines it cuts off two bytes, which it takes for the empty line: what a block without one
 * has there is in the stored message only, and is therefore not read.
 */
export function parseHeaderLines(block: Uint8Array): HeaderLine[] {
  const text = textOf(block.subarray(0, -LINE_BREAK.length));
  return headersIn(text, firstLineEnd(text), text.length);
}

/** See {@link republishedLines}. */
export function parseRepublishedLines(block: Uint8Array): HeaderLine[] {
  const text = textOf(block);
  const added = Math.max(0, text.lastIndexOf(ADDED));
  return headersIn(text, firstLineEnd(text), added).concat(headersIn(text, added, text.length));
}

/** Bytes of a message's headers and payload together. */
export function sizeOf(message: Msg): number {
  return headerBlockOf(message).length + message.data.length;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

function firstLineEnd(text: string): number {
  const end = text.indexOf(LINE_BREAK);
  return end < 0 ? text.length : end + LINE_BREAK.length;
}

/** The headers among the lines from `start` that have ended before `end`. */
function headersIn(text: string, start: number, end: number): HeaderLine[] {
  const headers: HeaderLine[] = [];
  for (let at = start; at < end;) {
    const lineEnd = text.indexOf(LINE_BREAK, at);
    const next = lineEnd + LINE_BREAK.length;
    if (lineEnd < 0 || next > end) break;
    const line = text.slice(at, lineEnd);
    const colon = line.indexOf(':');
    if (colon >= 0) headers.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
    at = next;
  }
  return headers;
}
