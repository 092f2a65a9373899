import { CommandError } from './command-error.ts';

/** The last moment that ECMAScript's calendar knows, in milliseconds since the Unix epoch. */
const MAX_TIME_MS = 8.64e15;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws TypeError unless it is UTF-8 */
export const textOf = (payload: Uint8Array): string => decoder.decode(payload);

/** Whether it is what JSON calls an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * When something is over, in milliseconds since the Unix epoch: `until_ms`, or `for_ms` from when it was stored; undefined: it does not end by itself.
 * @throws CommandError
 */
export function optionalTime(fields: Readonly<Record<string, unknown>>, timeMs: number): number | undefined {
  const { until_ms: untilMs, for_ms: forMs } = fields;
  if (untilMs !== undefined) return requireTime('until_ms', untilMs);
  if (forMs !== undefined) return timeMs + requireTime('for_ms', forMs);
  return undefined;
}

function requireTime(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS) return Math.floor(value);
  throw new CommandError(`"${name}" is to be a number of milliseconds`);
}
