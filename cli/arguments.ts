import { InvalidArgumentError, Option } from 'commander';
import type { From } from '../client/index.ts';
import { parseEndpoint } from '../client/core/endpoint.ts';
import { formatAddress, parseAddress, parseDuration } from '../common/units.ts';
import { isRoomName, ROOM_NAME_RULE } from '../protos/vocabulary.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** `--timeout`, for the commands that do not wait for ever. */
export function timeoutOption(what: string): Option {
  return new Option('--timeout <duration>', what)
    .argParser(parsePositiveDuration)
    .default(DEFAULT_TIMEOUT_MS, '10s');
}

/** `--json`, for every command. */
export function jsonOption(): Option {
  return new Option('--json', 'one JSON object a line, sequences as strings');
}

/** A room's name. */
export function parseRoom(value: string): string {
  if (!isRoomName(value)) throw new InvalidArgumentError(`A room name is ${ROOM_NAME_RULE}.`);
  return value;
}

/** Room names, one argument each. */
export function parseRooms(value: string, previous: string[] | undefined): string[] {
  const room = parseRoom(value);
  if (previous?.includes(room)) throw new InvalidArgumentError(`${room} is given twice.`);
  return [...(previous ?? []), room];
}

/** Gateways as host:port, or https://, http://, wss:// or ws://host[:port], separated by commas. */
export function parseEndpoints(value: string): string[] {
  return value.split(',').map((text) => {
    const written = text.trim();
    const endpoint = parseEndpoint(written);
    if (endpoint === undefined) throw new InvalidArgumentError(`"${text}" is not https://host[:port].`);
    return endpoint.security === 'unsaid' ? parseHostPort(written) : written;
  });
}

function parseHostPort(text: string): string {
  const address = parseAddress(text);
  if (!address?.port) throw new InvalidArgumentError(`"${text}" is not host:port.`);
  return formatAddress(address);
}

/** A sequence: a whole number below 2^64. */
export function parseSequence(value: string): bigint {
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 2n ** 64n) {
    throw new InvalidArgumentError('A sequence is a whole number from 0 to 2^64 - 1.');
  }
  return BigInt(value);
}

/** A whole number from 1. */
export function parseCount(value: string): number {
  const count = Number(value);
  if (!/^\d+$/.test(value) || count < 1 || count > 0xffff_ffff) {
    throw new InvalidArgumentError('It takes a whole number from 1.');
  }
  return count;
}

/** A number above 0. */
export function parsePositive(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number <= 0) {
    throw new InvalidArgumentError('It takes a number above 0.');
  }
  return number;
}

/** name=value, repeatable. */
export function parseHeader(value: string, previous: Record<string, string>): Record<string, string> {
  const separator = value.indexOf('=');
  if (separator < 1) throw new InvalidArgumentError('It takes name=value.');
  return { ...previous, [value.slice(0, separator)]: value.slice(separator + 1) };
}

/** live, earliest, last:N, since:TIME or seq:N. */
export function parseFrom(value: string): From {
  if (value === 'live' || value === 'earliest') return value;
  const [, kind, argument = ''] = /^(last|since|seq):(.+)$/.exec(value) ?? [];
  switch (kind) {
    case 'last':
      return { last: parseCount(argument) };
    case 'since':
      return { sinceMs: parseTime(argument) };
    case 'seq':
      return { seq: parseSequence(argument) };
    default:
      throw new InvalidArgumentError('It takes live, earliest, last:N, since:TIME or seq:N.');
  }
}

/** Milliseconds since the Unix epoch: given as such, as ISO 8601, or as an age like 90s, 10m, 2h, 1d. */
function parseTime(value: string): number {
  const ageMs = parseDuration(value);
  if (ageMs !== undefined) return Math.max(0, Date.now() - ageMs);
  const time = /^\d+$/.test(value) ? Number(value) : Date.parse(value);
  if (!Number.isSafeInteger(time) || time < 0) {
    throw new InvalidArgumentError(
      'TIME is an age (90s, 10m, 2h, 1d), ISO 8601, or milliseconds since 1970.',
    );
  }
  return time;
}

/** A duration above 0, in milliseconds. */
export function parsePositiveDuration(value: string): number {
  const ms = parseDuration(value);
  if (!ms) throw new InvalidArgumentError('It takes a duration such as 500ms, 10s or 1m.');
  return ms;
}
