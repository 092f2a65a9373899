import type { Position } from '../log/position.ts';
import { isRecord } from './command-fields.ts';
import type { ListEntry, Slot } from './command.ts';
import type { Listed, RoomState, Shown } from './room-state.ts';

/** What a room is like behind a message, and whether commands before that may be missing from it. */
export interface Snapshot {
  /** Names the message like a cursor: whoever goes on from it can tell whether the history is still the same. */
  readonly position: Position;
  readonly state: RoomState;
  /** Messages had gone before anybody had looked at them: there may have been commands among them. */
  readonly uncertain: boolean;
}

const FORMAT = 1;
const SLOTS: readonly Slot[] = ['stream', 'question', 'pinned'];

/** The snapshot as it is stored: JSON that people can read. */
export function snapshotText({ position, state, uncertain }: Snapshot): string {
  const { closed, muted, slots, values, users } = state;
  return JSON.stringify({
    format: FORMAT,
    position,
    uncertain,
    closed,
    muted,
    slots: Object.fromEntries(
      SLOTS.map((slot) => [
        slot,
        slots[slot] && { ...slots[slot], payload: slots[slot].payload?.toString('base64') },
      ]),
    ),
    values: Object.fromEntries(values),
    users: { muted: Object.fromEntries(users.muted), banned: Object.fromEntries(users.banned) },
  });
}

/** The snapshot that a text is; undefined: none that this version knows, so that the state has to be made from the messages. */
export function parseSnapshot(text: string): Snapshot | undefined {
  const stored = jsonOf(text);
  if (!isRecord(stored) || stored['format'] !== FORMAT) return undefined;
  const { position, uncertain, closed, muted, slots, values, users } = stored as unknown as Stored;
  return {
    position,
    uncertain,
    state: {
      closed,
      muted: muted && { seq: muted.seq, untilMs: muted.untilMs },
      slots: Object.fromEntries(SLOTS.map((slot) => [slot, shownOf(slots[slot])])),
      values: new Map(Object.entries(values)),
      users: { muted: listedOf(users.muted), banned: listedOf(users.banned) },
    },
  };
}

/** What this version has stored. Whoever may write to the bucket is trusted: it is the gateway's own. */
interface Stored extends Pick<Snapshot, 'position' | 'uncertain'>, Pick<RoomState, 'closed' | 'muted'> {
  readonly slots: Readonly<Partial<Record<Slot, StoredShown>>>;
  readonly values: Readonly<Record<string, string>>;
  readonly users: { readonly muted: StoredList; readonly banned: StoredList };
}

type StoredShown = Omit<Shown, 'payload'> & { readonly payload?: string };
type StoredList = Readonly<Record<string, ListEntry>>;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shownOf(stored: StoredShown | undefined): Shown | undefined {
  if (stored === undefined) return undefined;
  const { seq, timeMs, sender, type, payload, untilMs } = stored;
  const shown = payload === undefined ? undefined : Buffer.from(payload, 'base64');
  return { seq, timeMs, sender, type, payload: shown, untilMs };
}

function listedOf(list: StoredList): Listed {
  return new Map(Object.entries(list).map(([user, { untilMs, reason }]) => [user, { untilMs, reason }]));
}
