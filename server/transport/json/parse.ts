import { isUtf8 } from 'node:buffer';
import { Failure } from '../../session/failure.ts';

/** Far more than a request has, of what stands between the values of JSON: 4 MiB of small values would take long to parse, one long text does not. */
const MOST_MARKS = 2_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `,` `:` `[` `{` */
const MARKS: ReadonlySet<number> = new Set([0x2c, 0x3a, 0x5b, 0x7b]);

/**
 * Parses what has to be a JSON object. Takes no longer for what is refused.
 * @throws Failure MALFORMED_FRAME
 */
export function parseJsonObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw malformed('not UTF-8');
  requireFewValues(bytes);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function requireFewValues(bytes: Buffer): void {
  let marks = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if (MARKS.has(byte) && ++marks > MOST_MARKS) throw malformed('of too many values');
  }
}

/** Where the text ends that begins at a quote. */
function endOfText(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function malformed(what: string): Failure {
  return new Failure('MALFORMED_FRAME', `the body is ${what}: see docs/http.md`);
}
