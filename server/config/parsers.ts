import type { Network } from '../../common/node/network.ts';
import { parseNetwork } from '../../common/node/network.ts';
import { parseAddress as addressIn, parseDuration, parseSize } from '../../common/units.ts';

/* How texts become values. Each gives undefined for what it does not take. */

/** What an editor is told of a value: a part of JSON Schema (draft 2020-12). */
export interface ValueSchema {
  readonly type?: 'string' | 'integer' | 'boolean' | 'array';
  readonly anyOf?: readonly ValueSchema[];
  readonly items?: ValueSchema;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly pattern?: string;
}

/** Reads a value, as it is written in a flag or variable; in a file it has to be of a type that the schema names. */
export interface Parser<T> {
  (text: string): T | undefined;
  readonly schema: ValueSchema;
}

const MAX_RATE = 1_000_000;
const MAX_COUNT = 1_000_000;
const MAX_WORKERS = 64;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const TEXT = { type: 'string', minLength: 1 } as const;

/** Joins how a text is read and how it looks. */
export function parser<T>(schema: ValueSchema, parse: (text: string) => T | undefined): Parser<T> {
  return Object.assign((text: string) => parse(text), { schema });
}

/** A text that is not empty. */
export const parseText = parser(TEXT, (text) => (text === '' ? undefined : text));

/** What may be one token of a NATS subject. */
export const parseToken = parser({ type: 'string', pattern: TOKEN.source }, (text) =>
  TOKEN.test(text) ? text : undefined,
);

/** True or false. */
export const parseSwitch = parser({ type: 'boolean' }, (text) => {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
});

/** One of some names. */
export function oneOf<T extends string>(names: readonly T[]): Parser<T> {
  return parser({ type: 'string', enum: names }, (text) => names.find((name) => name === text));
}

/** `host:port`; an IPv6 host stands in brackets. */
export const parseAddress = parser({ type: 'string', pattern: '^\\S+:\\d{1,5}$' }, addressIn);

/** An http:// or https:// URL. */
export const parseHttpUrl = parser({ type: 'string', pattern: '^https?://.' }, (text) =>
  /^https?:\/\/./.test(text) && URL.canParse(text) ? text : undefined,
);

/** What is written as one text with commas, or in a file as a list, too. */
export function listOf<T>(parse: (text: string) => readonly T[] | undefined): Parser<readonly T[]> {
  return parser({ anyOf: [TEXT, { type: 'array', items: TEXT, minItems: 1 }] }, parse);
}

/** Origins of web pages as browsers write them, separated by commas; `*` for any. */
export const parseOrigins = listOf((text): readonly string[] | undefined => {
  const origins = text.split(',').map((part) => part.trim());
  return origins.every((origin) => origin === '*' || URL.parse(origin)?.origin === origin)
    ? origins
    : undefined;
});

/** Networks, separated by commas. */
export const parseNetworks = listOf((text): readonly Network[] | undefined => {
  const networks = text.split(',').map((part) => parseNetwork(part.trim()));
  return networks.every((network) => network !== undefined) ? networks : undefined;
});

/** A whole number within bounds. */
export function wholeNumber(minimum: number, maximum: number): Parser<number> {
  return parser({ type: 'integer', minimum, maximum }, (text) => {
    if (!/^\d{1,9}$/.test(text)) return undefined;
    return Number(text) >= minimum && Number(text) <= maximum ? Number(text) : undefined;
  });
}

/** A number of processes. */
export const parseWorkers = wholeNumber(1, MAX_WORKERS);

/** A whole number of percent. */
export const parsePercent = wholeNumber(0, 100);

/** A whole number, 0 included. */
export const parseCount = wholeNumber(0, MAX_COUNT);

/** So many a second, or Infinity. */
export const parseRate: Parser<number> = parser(
  {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: MAX_RATE },
      { type: 'string', enum: ['unlimited'] },
    ],
  },
  (text) => (text === 'unlimited' ? Infinity : wholeNumber(1, MAX_RATE)(text)),
);

/** Reads a duration within bounds, in milliseconds. */
export function durationWithin(minMs: number, maxMs: number): Parser<number> {
  return parser({ type: 'string', pattern: '^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$' }, (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
  });
}

/** Reads a size of at least so many bytes. */
export function sizeFrom(minBytes: number): Parser<number> {
  return parser(
    {
      anyOf: [
        { type: 'string', pattern: '^\\d+(\\.\\d+)? ?([KMGT]i?)?B$' },
        { type: 'integer', minimum: minBytes },
      ],
    },
    (text) => {
      const bytes = parseSize(text);
      return bytes !== undefined && bytes >= minBytes ? bytes : undefined;
    },
  );
}
