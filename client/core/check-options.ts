import { status } from '../../protos/status-codes.ts';
import { parseEndpoint } from './endpoint.ts';
import { LiveError } from './errors.ts';
import type { Logger } from './logger.ts';
import type {
  ClientOptions,
  From,
  JoinOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
  RoomOptions,
} from './options.ts';

/** The longest that a timer of Node can wait, in milliseconds; what is longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;
const MAX_UINT32 = 2 ** 32 - 1;
/** The last moment that a Date can name, in milliseconds. */
const LAST_MS = 8.64e15;

/** What an option may be: whether a value is, and that in words. */
interface Rule {
  readonly allows: (value: unknown) => boolean;
  readonly words: string;
}

const isNumber = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && value >= min && value <= max;

const whole = (min: number, max: number): Rule => ({
  allows: (value) => isNumber(value, min, max) && Number.isInteger(value),
  words: `a whole number from ${min} to ${max}`,
});

const oneOf = (...values: readonly string[]): Rule => ({
  allows: (value) => typeof value === 'string' && values.includes(value),
  words: values.map((value) => `'${value}'`).join(' or '),
});

const duration: Rule = {
  allows: (value) => isNumber(value, Number.MIN_VALUE, LONGEST_MS),
  words: `a number of milliseconds above 0 and up to ${LONGEST_MS}`,
};
const delay: Rule = {
  allows: (value) => isNumber(value, 0, LONGEST_MS),
  words: `a number of milliseconds from 0 to ${LONGEST_MS}`,
};
const factor: Rule = { allows: (value) => isNumber(value, 1, 10_000), words: 'a number from 1 to 10000' };
const text: Rule = { allows: (value) => typeof value === 'string', words: 'a string' };
const name: Rule = {
  allows: (value) => text.allows(value) && value !== '',
  words: 'a string that is not empty',
};
const flag: Rule = { allows: (value) => typeof value === 'boolean', words: 'true or false' };
const signalRule: Rule = { allows: (value) => value instanceof AbortSignal, words: 'an AbortSignal' };
const loggerRule: Rule = {
  allows: (value) =>
    typeof value === 'object' &&
    value !== null &&
    (['debug', 'info', 'warn', 'error'] as const).every(
      (level) => typeof (value as Partial<Logger>)[level] === 'function',
    ),
  words: 'an object with debug, info, warn and error',
};
const count = whole(1, Number.MAX_SAFE_INTEGER);
const uint32 = whole(0, MAX_UINT32);
const sequence: Rule = {
  allows: (value) => typeof value === 'bigint' && value >= 0n && value < 2n ** 64n,
  words: 'a bigint from 0 to 2^64 - 1',
};
const endpoints: Rule = {
  allows: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((endpoint) => name.allows(endpoint) && parseEndpoint(endpoint as string) !== undefined),
  words: 'a list of host:port or https://, http://, wss:// or ws://host[:port] with at least one',
};
const tokenSource: Rule = {
  allows: (value) => name.allows(value) || typeof value === 'function',
  words: 'a string that is not empty, or a function that gives one',
};
const bytes: Rule = {
  allows: (value) => typeof value === 'string' || value instanceof Uint8Array,
  words: 'a string or a Uint8Array',
};
const texts: Rule = {
  allows: (value) => typeof value === 'object' && value !== null && Object.values(value).every(text.allows),
  words: 'an object of strings',
};

/** @throws LiveError INVALID_ARGUMENT that names the option and says what it may be; so do the others here. */
function check(option: string, value: unknown, { allows, words }: Rule): void {
  if (allows(value)) return;
  const given = typeof value === 'object' && value !== null ? 'something else' : String(value);
  throw new LiveError(status.INVALID_ARGUMENT, `${option} has to be ${words}, not ${given}`);
}

function checkGiven(option: string, value: unknown, rule: Rule): void {
  if (value !== undefined) check(option, value, rule);
}

/** A duration that a transport is given. */
export function checkDuration(option: string, value: unknown): void {
  check(option, value, duration);
}

export function checkClientOptions(options: ClientOptions): void {
  check('endpoints', options.endpoints, endpoints);
  checkGiven('token', options.token, tokenSource);
  checkGiven('clientName', options.clientName, text);
  checkGiven('compression', options.compression, oneOf('none', 'deflate'));
  checkGiven('maxFrameBytes', options.maxFrameBytes, whole(1, MAX_UINT32));
  checkGiven('connectTimeoutMs', options.connectTimeoutMs, duration);
  checkGiven('probeTimeoutMs', options.probeTimeoutMs, duration);
  checkGiven('silenceFactor', options.silenceFactor, factor);
  checkGiven('roomWindowBytes', options.roomWindowBytes, count);
  checkGiven('maxPendingPublishes', options.maxPendingPublishes, count);
  checkGiven('logger', options.logger, loggerRule);
  const { backoff } = options;
  checkGiven('backoff.baseMs', backoff?.baseMs, delay);
  checkGiven('backoff.maxMs', backoff?.maxMs, delay);
}

export function checkJoinOptions({
  from,
  ignoreStoredCursor,
  onGap,
  cursorName,
  token,
  signal,
}: JoinOptions): void {
  checkFrom(from);
  checkGiven('ignoreStoredCursor', ignoreStoredCursor, flag);
  checkGiven('onGap', onGap, oneOf('continue', 'stop'));
  checkGiven('token', token, tokenSource);
  checkGiven('cursorName', cursorName, name);
  checkGiven('signal', signal, signalRule);
}

export function checkPullOptions({ from, limit, timeoutMs, signal }: PullOptions): void {
  checkFrom(from);
  checkGiven('limit', limit, whole(1, MAX_UINT32));
  checkTimeout(timeoutMs);
  checkGiven('signal', signal, signalRule);
}

export function checkRoomOptions({ timeoutMs, signal }: RoomOptions): void {
  checkTimeout(timeoutMs);
  checkGiven('signal', signal, signalRule);
}

export function checkMessage(message: OutgoingMessage): void {
  check('type', message.type, name);
  check('payload', message.payload, bytes);
  checkGiven('class', message.class, oneOf('RELIABLE', 'EPHEMERAL'));
  checkGiven('sender', message.sender, text);
  checkGiven('key', message.key, text);
  checkGiven('headers', message.headers, texts);
}

export function checkPublishOptions({ timeoutMs, signal, ordered }: PublishOptions): void {
  checkTimeout(timeoutMs);
  checkGiven('ordered', ordered, flag);
  checkGiven('signal', signal, signalRule);
}

function checkTimeout(timeoutMs: number | undefined): void {
  checkGiven('timeoutMs', timeoutMs, duration);
}

function checkFrom(from: From | { readonly afterSeq: bigint } | undefined): void {
  if (from === undefined) return;
  if (typeof from !== 'object' || (from as unknown) === null) check('from', from, fromRule);
  else if ('last' in from) check('from.last', from.last, whole(1, MAX_UINT32));
  else if ('sinceMs' in from) check('from.sinceMs', from.sinceMs, whole(0, LAST_MS));
  else if ('seq' in from) check('from.seq', from.seq, sequence);
  else if ('afterSeq' in from) check('from.afterSeq', from.afterSeq, sequence);
  else if ('cursor' in from) checkCursor(from.cursor);
  else check('from', from, fromRule);
}

const fromRule: Rule = {
  allows: (value) => value === 'live' || value === 'earliest',
  words: "'live', 'earliest', or an object with last, sinceMs, seq or cursor (for a pull also afterSeq)",
};

function checkCursor({
  epoch,
  seq,
  fingerprint,
}: {
  epoch: unknown;
  seq: unknown;
  fingerprint: unknown;
}): void {
  check('from.cursor.epoch', epoch, text);
  check('from.cursor.seq', seq, sequence);
  check('from.cursor.fingerprint', fingerprint, uint32);
}
