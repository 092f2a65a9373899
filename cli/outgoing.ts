import type { OutgoingMessage } from '../client/index.ts';
import type { DeliveryClass } from '../protos/vocabulary.ts';
import { classOfKnownType } from '../protos/vocabulary.ts';
import { jsonFields } from './json-fields.ts';
import type { InputLine } from './lines.ts';
import { LONGEST_LINE_BYTES } from './lines.ts';

/** What goes for every message of one `send`. */
export interface OutgoingDefaults {
  /** For types that are not known by name. */
  readonly class?: DeliveryClass;
  readonly sender?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A line of standard input: what to send, and when. */
export interface OutgoingLine {
  readonly message: OutgoingMessage;
  /** Milliseconds after the first line, as far as the line says. */
  readonly atMs: number | undefined;
}

const fieldNames: ReadonlySet<string> = new Set(['type', 'payload', 'sender', 'key', 'at_ms']);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of a line.
 * @throws Error that says why it has none: nothing is sent that is not what was written.
 */
export function textOf(line: InputLine): string {
  if (line === 'too long') throw new Error(`longer than ${LONGEST_LINE_BYTES} bytes`);
  try {
    return utf8.decode(line);
  } catch (cause) {
    throw new Error('not UTF-8', { cause });
  }
}

/**
 * Reads a line such as `{"type":"gift","payload":{"n":1},"sender":"ann","key":"k1","at_ms":250}`. Only `type` is
 * needed. A payload that is a string is sent as it is, anything else as it is written, without the space between its parts.
 * @throws Error that says what is wrong with the line.
 */
export function parseLine(line: string, defaults: OutgoingDefaults): OutgoingLine {
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('not a JSON object');
  const fields = jsonFields(line);
  for (const name of fields.keys()) {
    if (!fieldNames.has(name)) throw new Error(`"${name}" is none of ${[...fieldNames].join(', ')}`);
  }
  const { type, payload, sender, key, at_ms: atMs } = value as Record<string, unknown>;
  if (typeof type !== 'string' || type === '') throw new Error('"type" has to be a string');
  if (atMs !== undefined && !(typeof atMs === 'number' && Number.isFinite(atMs) && atMs >= 0)) {
    throw new Error('"at_ms" has to be a number from 0');
  }
  return {
    atMs,
    message: {
      ...defaults,
      ...classFor(type, defaults.class),
      type,
      payload: typeof payload === 'string' ? wellFormed(payload) : (fields.get('payload') ?? ''),
      ...optionalString('sender', sender),
      ...optionalString('key', key),
    },
  };
}

/** Half of a character has no UTF-8. */
function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new Error('"payload" has half a surrogate pair');
  return text;
}

/** The class given for all is meant for the types that have none of their own. */
function classFor(type: string, given: DeliveryClass | undefined): { class?: DeliveryClass } {
  const deliveryClass = classOfKnownType(type) ?? given;
  return deliveryClass === undefined ? {} : { class: deliveryClass };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error('not JSON', { cause });
  }
}

function optionalString(name: string, value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') throw new Error(`"${name}" has to be a string`);
  return { [name]: value };
}
