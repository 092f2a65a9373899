import type { StoredMessage } from '../log/message.ts';
import type { Command, ListEntry, Slot, UserList } from './command.ts';

/** Payloads up to so many bytes are shown; of a larger one, that it is there. */
const MAX_SHOWN_BYTES = 4_096;
/** Users on each list: who does not fit is not listed. */
export const MAX_LISTED = 500;
/** Keys of an application. */
export const MAX_VALUES = 64;

/** The message that fills a slot. */
export interface Shown {
  readonly seq: number;
  readonly timeMs: number;
  readonly sender: string;
  readonly type: string;
  /** Undefined: it is too large to be shown, and has to be read from the room. */
  readonly payload: Buffer | undefined;
  /** When it is over, in milliseconds since the Unix epoch; undefined: when it is cleared or replaced. */
  readonly untilMs: number | undefined;
}

/** Users on a list, those who have been on it for longest first. */
export type Listed = ReadonlyMap<string, ListEntry>;

/** What a room is like behind some message: what its commands have made of it. Never changed, only replaced. */
export interface RoomState {
  readonly closed: { readonly seq: number; readonly timeMs: number; readonly reason: string } | undefined;
  /** Viewers may not comment. */
  readonly muted: { readonly seq: number; readonly untilMs: number | undefined } | undefined;
  readonly slots: Readonly<Partial<Record<Slot, Shown>>>;
  /** Those of an application, as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly users: Readonly<Record<UserList, Listed>>;
}

/** That of a room that had no command yet. */
export const INITIAL_STATE: RoomState = {
  closed: undefined,
  muted: undefined,
  slots: {},
  values: new Map(),
  users: { muted: new Map(), banned: new Map() },
};

/** Where a command comes from. */
export type CommandSource = Pick<StoredMessage, 'seq' | 'timeMs' | 'content'>;

/** What becomes of a state by a command. The same messages make the same state everywhere: nothing depends on a clock. */
export function applyCommand(state: RoomState, command: Command, source: CommandSource): RoomState {
  const { seq, timeMs } = source;
  switch (command.kind) {
    case 'close':
      return { ...state, closed: { seq, timeMs, reason: command.reason } };
    case 'open':
      return { ...state, closed: undefined };
    case 'mute-all':
      return { ...state, muted: { seq, untilMs: command.untilMs } };
    case 'unmute-all':
      return { ...state, muted: undefined };
    case 'show':
      return { ...state, slots: { ...state.slots, [command.slot]: shownOf(source, command.untilMs) } };
    case 'clear':
      return { ...state, slots: { ...state.slots, [command.slot]: undefined } };
    case 'list':
      return withList(state, command.list, listing(state.users[command.list], command, timeMs));
    case 'unlist':
      return withList(state, command.list, without(state.users[command.list], command.user));
    case 'set':
      return { ...state, values: setting(state.values, command.values) };
  }
}

/** Whether a user is on a list now; the entry says until when. */
export function onList(
  { users }: RoomState,
  list: UserList,
  user: string,
  nowMs: number,
): ListEntry | undefined {
  const entry = users[list].get(user);
  return entry !== undefined && isOver(entry, nowMs) ? undefined : entry;
}

/** Whether its time is over. */
export const isOver = ({ untilMs }: { readonly untilMs: number | undefined }, nowMs: number): boolean =>
  untilMs !== undefined && untilMs <= nowMs;

function shownOf({ seq, timeMs, content }: CommandSource, untilMs: number | undefined): Shown {
  const { sender, type, payload } = content;
  const fits = payload.byteLength <= MAX_SHOWN_BYTES;
  return { seq, timeMs, sender, type, payload: fits ? Buffer.from(payload) : undefined, untilMs };
}

const withList = (state: RoomState, list: UserList, listed: Listed): RoomState => ({
  ...state,
  users: { ...state.users, [list]: listed },
});

function listing(listed: Listed, { user, entry }: Command & { kind: 'list' }, timeMs: number): Listed {
  const others = [...listed].filter(([other, there]) => other !== user && !isOver(there, timeMs));
  return others.length < MAX_LISTED ? new Map([...others, [user, entry]]) : new Map(others);
}

function without(listed: Listed, user: string): Listed {
  return new Map([...listed].filter(([other]) => other !== user));
}

function setting(
  values: ReadonlyMap<string, string>,
  changes: (Command & { kind: 'set' })['values'],
): ReadonlyMap<string, string> {
  const changed = new Map(values);
  for (const [key, value] of changes) {
    if (value === undefined) changed.delete(key);
    else if (changed.has(key) || changed.size < MAX_VALUES) changed.set(key, value);
  }
  return changed;
}
