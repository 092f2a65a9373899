import { CommandError } from './command-error.ts';
import { isRecord, optionalTime, textOf } from './command-fields.ts';

/** Something that a room shows until something else takes its place. */
export type Slot = 'stream' | 'question' | 'pinned';

/** A list of users that a room keeps. */
export type UserList = 'muted' | 'banned';

/** What a message does to the state of its room. */
export type Command =
  | { readonly kind: 'close'; readonly reason: string }
  | { readonly kind: 'open' }
  | { readonly kind: 'mute-all'; readonly untilMs: number | undefined }
  | { readonly kind: 'unmute-all' }
  | { readonly kind: 'list'; readonly list: UserList; readonly user: string; readonly entry: ListEntry }
  | { readonly kind: 'unlist'; readonly list: UserList; readonly user: string }
  | { readonly kind: 'show'; readonly slot: Slot; readonly untilMs: number | undefined }
  | { readonly kind: 'clear'; readonly slot: Slot }
  | { readonly kind: 'set'; readonly values: readonly (readonly [string, string | undefined])[] };

/** Of a user on a list. */
export interface ListEntry {
  /** In milliseconds since the Unix epoch; undefined: for good. */
  readonly untilMs: number | undefined;
  /** Empty: none was given. */
  readonly reason: string;
}

/** Keys of an application, and the bytes of each value as JSON. */
const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const MAX_VALUE_BYTES = 1_024;
const MAX_USER_BYTES = 256;
const MAX_REASON_BYTES = 256;

type Fields = Readonly<Record<string, unknown>>;
type Parse = (fields: Fields, timeMs: number) => Command;

const PARSERS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ['room_closed', ({ reason }) => ({ kind: 'close', reason: reasonOf(reason) })],
  ['room_opened', () => ({ kind: 'open' })],
  ['mute_all', (fields, timeMs) => ({ kind: 'mute-all', untilMs: optionalTime(fields, timeMs) })],
  ['unmute_all', () => ({ kind: 'unmute-all' })],
  ['mute_user', (fields, timeMs) => listed('muted', fields, timeMs)],
  ['unmute_user', (fields) => ({ kind: 'unlist', list: 'muted', user: userOf(fields) })],
  ['ban_user', (fields, timeMs) => listed('banned', fields, timeMs)],
  ['unban_user', (fields) => ({ kind: 'unlist', list: 'banned', user: userOf(fields) })],
  ['stream_switch', () => ({ kind: 'show', slot: 'stream', untilMs: undefined })],
  [
    'question',
    (fields, timeMs) => ({ kind: 'show', slot: 'question', untilMs: optionalTime(fields, timeMs) }),
  ],
  ['question_closed', () => ({ kind: 'clear', slot: 'question' })],
  ['pin', () => ({ kind: 'show', slot: 'pinned', untilMs: undefined })],
  ['unpin', () => ({ kind: 'clear', slot: 'pinned' })],
  ['set_state', (fields) => ({ kind: 'set', values: Object.entries(fields).map(valueOf) })],
]);

/** Commands that mean nothing without their fields; the payload of the others is the application's as well. */
const NEED_FIELDS: ReadonlySet<string> = new Set([
  'mute_user',
  'unmute_user',
  'ban_user',
  'unban_user',
  'set_state',
]);

/** Whether messages of this type change the state of their room. */
export const isCommand = (type: string): boolean => PARSERS.has(type);

/**
 * What a message does; undefined: nothing, it is no command.
 *
 * A payload that is no JSON object is the application's own: `mute_all` mutes whatever it carries.
 * @param timeMs when it was stored, in milliseconds since the Unix epoch: durations count from then
 * @throws CommandError
 */
export function parseCommand(type: string, payload: Uint8Array, timeMs: number): Command | undefined {
  const parse = PARSERS.get(type);
  if (parse === undefined) return undefined;
  const fields = fieldsOf(payload);
  if (fields === undefined && NEED_FIELDS.has(type))
    throw new CommandError(`the payload of ${type} is to be a JSON object`);
  return parse(fields ?? {}, timeMs);
}

function fieldsOf(payload: Uint8Array): Fields | undefined {
  try {
    const value: unknown = JSON.parse(textOf(payload));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function listed(list: UserList, fields: Fields, timeMs: number): Command {
  const entry = { untilMs: optionalTime(fields, timeMs), reason: reasonOf(fields['reason']) };
  return { kind: 'list', list, user: userOf(fields), entry };
}

function userOf({ user }: Fields): string {
  if (typeof user === 'string' && user !== '' && Buffer.byteLength(user) <= MAX_USER_BYTES) return user;
  throw new CommandError(`"user" is to be a text of 1 to ${MAX_USER_BYTES} bytes`);
}

function reasonOf(reason: unknown): string {
  if (reason === undefined) return '';
  if (typeof reason === 'string' && Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  throw new CommandError(`"reason" is to be a text of at most ${MAX_REASON_BYTES} bytes`);
}

function valueOf([key, value]: readonly [string, unknown]): readonly [string, string | undefined] {
  if (!KEY_PATTERN.test(key))
    throw new CommandError(
      `key ${JSON.stringify(key.slice(0, 80))}: 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit`,
    );
  if (value === null) return [key, undefined];
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_VALUE_BYTES)
    throw new CommandError(`the value of ${key} has more than ${MAX_VALUE_BYTES} bytes as JSON`);
  return [key, text];
}
