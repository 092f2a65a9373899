import type { Network } from '../../common/node/network.ts';
import { parseNetwork } from '../../common/node/network.ts';
import { parseDuration, parseSize } from '../../common/units.ts';

/* How texts become values. Each gives undefined for what it does not take. */

const MAX_RATE = 1_000_000;
const MAX_COUNT = 1_000_000;
const MAX_WORKERS = 64;

/** A text that is not empty. */
export function parseText(text: string): string | undefined {
  return text === '' ? undefined : text;
}

/** What may be one token of a NATS subject. */
export function parseToken(text: string): string | undefined {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined;
}

/** True or false. */
export function parseSwitch(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

/** An http:// or https:// URL. */
export function parseHttpUrl(text: string): string | undefined {
  return /^https?:\/\/./.test(text) && URL.canParse(text) ? text : undefined;
}

/** Origins of web pages as browsers write them, separated by commas; `*` for any. */
export function parseOrigins(text: string): readonly string[] | undefined {
  const origins = text.split(',').map((part) => part.trim());
  return origins.every((origin) => origin === '*' || URL.parse(origin)?.origin === origin)
    ? origins
    : undefined;
}

/** Networks, separated by commas. */
export function parseNetworks(text: string): readonly Network[] | undefined {
  const networks = text.split(',').map((part) => parseNetwork(part.trim()));
  return networks.every((network) => network !== undefined) ? networks : undefined;
}

/** A number of processes. */
export function parseWorkers(text: string): number | undefined {
  return /^[1-9]\d?$/.test(text) && Number(text) <= MAX_WORKERS ? Number(text) : undefined;
}

/** A whole number of percent. */
export function parsePercent(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : undefined;
}

/** So many a second, or Infinity. */
export function parseRate(text: string): number | undefined {
  if (text === 'unlimited') return Infinity;
  return /^[1-9]\d{0,6}$/.test(text) && Number(text) <= MAX_RATE ? Number(text) : undefined;
}

/** A whole number, 0 included. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= MAX_COUNT ? Number(text) : undefined;
}

/** Reads a duration within bounds, in milliseconds. */
export function durationWithin(minMs: number, maxMs: number) {
  return (text: string): number | undefined => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
  };
}

/** Reads a size of at least so many bytes. */
export function sizeFrom(minBytes: number) {
  return (text: string): number | undefined => {
    const bytes = parseSize(text);
    return bytes !== undefined && bytes >= minBytes ? bytes : undefined;
  };
}
