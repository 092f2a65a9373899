import type { Msg } from 'nats';

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
  return parseHeaderLines(headerBlock(message));
}

/**
 * The headers of a message that the server has republished: the same as {@link headerLines} gives of the stored one, and
 * behind them the server's own.
 */
export function republishedLines(message: Msg): HeaderLine[] {
  return parseRepublishedLines(headerBlock(message));
}

/**
 * Reads a header block: a line with the version, perhaps a status, then a header a line, then an empty line
 * (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-4.md). A server stores whatever a publisher
 * calls one. Before it adds its own lines it cuts off two bytes, which it takes for the empty line: what a block without one
 * has there is in the stored message only, and is therefore not read.
 */
export function parseHeaderLines(block: Uint8Array): HeaderLine[] {
  return headersIn(wholeLines(block.subarray(0, -LINE_BREAK.length)).slice(1));
}

/** See {@link republishedLines}. */
export function parseRepublishedLines(block: Uint8Array): HeaderLine[] {
  const added = Math.max(0, Buffer.from(block.buffer, block.byteOffset, block.length).lastIndexOf(ADDED));
  const lines = wholeLines(block.subarray(0, added))
    .slice(1)
    .concat(wholeLines(block.subarray(added)));
  return headersIn(lines);
}

/** It has no public name; hence the exact version of the client in package.json. */
function headerBlock(message: Msg): Uint8Array {
  const { _msg: argument, _rdata: bytes } = message as { _msg?: { hdr?: unknown }; _rdata?: unknown };
  if (typeof argument?.hdr !== 'number' || !(bytes instanceof Uint8Array)) {
    throw new Error('this version of nats keeps the bytes of a message elsewhere');
  }
  return bytes.subarray(0, Math.max(0, argument.hdr));
}

/** The lines that end with a line break. */
function wholeLines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().split(LINE_BREAK).slice(0, -1);
}

function headersIn(lines: readonly string[]): HeaderLine[] {
  const headers: HeaderLine[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon >= 0) headers.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return headers;
}
