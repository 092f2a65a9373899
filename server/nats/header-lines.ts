import type { Msg } from 'nats';

/** One header as it was written, without the space around its value. A name may come several times. */
export type HeaderLine = readonly [name: string, value: string];

const LINE_BREAK = '\r\n';

/**
 * The headers of a message in the order of their bytes. The NATS client's own decoder is not used: it refuses names that a
 * server stores without a word, and looks for each name among all before it, so that one message with many of them
 * would keep all viewers waiting. It has no public name for the bytes; hence its exact version in package.json.
 * @throws when the client keeps them elsewhere
 */
export function headerLines(message: Msg): HeaderLine[] {
  const { _msg: argument, _rdata: bytes } = message as { _msg?: { hdr?: unknown }; _rdata?: unknown };
  if (typeof argument?.hdr !== 'number' || !(bytes instanceof Uint8Array)) {
    throw new Error('this version of nats keeps the bytes of a message elsewhere');
  }
  return argument.hdr > 0 ? parseHeaderLines(bytes.subarray(0, argument.hdr)) : [];
}

/**
 * Reads a header block: a line with the version, perhaps a status, and then a header a line
 * (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-4.md). Servers store and republish whatever
 * a publisher calls one: lines that are no header are passed over.
 */
export function parseHeaderLines(block: Uint8Array): HeaderLine[] {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString();
  const lines: HeaderLine[] = [];
  let end = text.indexOf(LINE_BREAK);
  while (end >= 0) {
    const start = end + LINE_BREAK.length;
    end = text.indexOf(LINE_BREAK, start);
    const line = text.slice(start, end < 0 ? undefined : end);
    const colon = line.indexOf(':');
    if (colon >= 0) lines.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return lines;
}
