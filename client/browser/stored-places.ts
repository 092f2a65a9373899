import type { Cursor } from '../core/cursor.ts';
import { ANY_SERVER, notedServers } from '../core/places.ts';

/** A place in one stream, as it is stored under the stream's epoch. */
interface StoredCursor {
  readonly seq: bigint;
  readonly fingerprint: number;
}

/** The places of one name in one room, as they are stored. */
export interface StoredPlaces {
  readonly cursors: Record<string, StoredCursor>;
  /** Which stream was last found behind a gateway. */
  readonly behind: Record<string, string>;
}

/** What a tab has to write, and what it knows of what it wrote before. */
export interface TabPlaces {
  /** By epoch. */
  readonly unsaved: Map<string, Cursor>;
  readonly behind: Map<string, string>;
  /** By epoch: what this tab read or wrote last. Found unchanged, no other tab has written meanwhile. */
  readonly known: Map<string, bigint>;
}

/** Takes note of a place in the stream behind these gateways. */
export function note({ unsaved, behind }: TabPlaces, cursor: Cursor, servers: readonly string[]): void {
  unsaved.set(cursor.epoch, cursor);
  for (const server of notedServers(servers)) behind.set(server, cursor.epoch);
}

/**
 * What is stored, with what a tab adds. A place that another tab has moved meanwhile goes forward only; one that nobody else has moved goes where this tab says, also
 * back, as a reset does.
 */
export function merged(stored: StoredPlaces | undefined, tab: TabPlaces): StoredPlaces {
  const cursors = { ...stored?.cursors };
  for (const { epoch, seq, fingerprint } of tab.unsaved.values()) {
    const there = cursors[epoch]?.seq;
    const isOurs = there === undefined || there === tab.known.get(epoch);
    if (isOurs || there < seq) cursors[epoch] = { seq, fingerprint };
  }
  const behind = { ...stored?.behind, ...Object.fromEntries(tab.behind) };
  if (!tab.behind.has(ANY_SERVER) && tab.behind.size > 0) Reflect.deleteProperty(behind, ANY_SERVER);
  return { cursors, behind };
}

/** The cursors in what is stored. */
export const cursorsIn = ({ cursors }: StoredPlaces): Cursor[] =>
  Object.entries(cursors).map(([epoch, cursor]) => ({ epoch, ...cursor }));
