import { status } from '../../protos/status-codes.ts';
import type { Cursor } from '../core/cursor.ts';
import type { CursorStore } from '../core/cursor-store.ts';
import { LiveError } from '../core/errors.ts';
import { anyCluster, Places } from '../core/places.ts';
import { PlacesDatabase, result } from './places-database.ts';
import type { StoredPlaces, TabPlaces } from './stored-places.ts';
import { cursorsIn, merged, note } from './stored-places.ts';

/** How long a saved cursor may wait for others, in milliseconds: what a crash may repeat. */
const FLUSH_DELAY_MS = 200;

/**
 * Keeps cursors in IndexedDB, for this origin. What was handled in the last 200 ms comes again after a crash of the browser, and nothing is skipped; `flush`, `LiveClient.close` and
 * hiding the page write everything.
 *
 * A name is a viewer, and tabs that use the same one are the same viewer: the place is where the furthest of them is, and no tab puts it back to its own. So a tab that is loaded anew
 * begins after what any tab has handled. Tabs of which each has to have every message use names of their own.
 *
 * What fails is thrown as a `LiveError`, UNAVAILABLE: a browser may have no place for it, or have it switched off.
 */
export class IndexedDbCursorStore implements CursorStore {
  readonly #database: PlacesDatabase;
  readonly #tabs = new Map<string, TabPlaces & { readonly key: [string, string] }>();
  readonly #hidden = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: LiveError | undefined;

  /** @param database its name; several stores may share one */
  constructor(database = 'live-gateway') {
    this.#database = new PlacesDatabase(database);
    const page = (globalThis as { document?: Document }).document;
    page?.addEventListener('visibilitychange', () => this.#writeLater(), { signal: this.#hidden.signal });
  }

  async load(name: string, room: string, cluster = anyCluster): Promise<Cursor | undefined> {
    await this.flush();
    return typed(async () => {
      const stored = await this.#database.transact('readonly', (places) => read(places, [room, name]));
      if (stored === undefined) return undefined;
      const cursors = cursorsIn(stored);
      const { known } = this.#tab(name, room);
      for (const { epoch, seq } of cursors) known.set(epoch, seq);
      return new Places(cursors, Object.entries(stored.behind)).find(cluster);
    });
  }

  /** @throws also what an earlier write failed with. */
  save(name: string, room: string, cursor: Cursor, servers: readonly string[] = []): void {
    if (this.#failure !== undefined) throw this.#failure;
    note(this.#tab(name, room), cursor, servers);
    this.#timer ??= setTimeout(() => this.#writeLater(), FLUSH_DELAY_MS);
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const unsaved = [...this.#tabs.values()].filter((tab) => tab.unsaved.size > 0);
    if (unsaved.length === 0) return;
    await typed(async () => {
      const kept = await this.#database.transact('readwrite', (places) =>
        Promise.all(unsaved.map((tab) => write(places, tab))),
      );
      for (const takeNote of kept) takeNote();
    });
    this.#failure = undefined;
  }

  /** Writes what is unsaved and closes the database. */
  async close(): Promise<void> {
    this.#hidden.abort();
    try {
      await this.flush();
    } finally {
      await this.#database.close();
    }
  }

  /** A timer has no caller to tell: the next one to save hears of a failure. */
  #writeLater(): void {
    this.flush().catch((error: unknown) => (this.#failure = error as LiveError));
  }

  #tab(name: string, room: string): TabPlaces & { readonly key: [string, string] } {
    const id = `${room}/${name}`;
    const tab = this.#tabs.get(id) ?? {
      key: [room, name],
      unsaved: new Map<string, Cursor>(),
      behind: new Map<string, string>(),
      known: new Map<string, bigint>(),
    };
    this.#tabs.set(id, tab);
    return tab;
  }
}

async function read(places: IDBObjectStore, key: [string, string]): Promise<StoredPlaces | undefined> {
  return (await result(places.get(key))) as StoredPlaces | undefined;
}

/**
 * Reads and writes in one transaction: no other tab comes between.
 * @returns takes note of what was written, once that is kept: the browser may still take it back
 */
async function write(
  places: IDBObjectStore,
  tab: TabPlaces & { readonly key: [string, string] },
): Promise<() => void> {
  const now = merged(await read(places, tab.key), tab);
  // What is saved from here on is of the next write.
  const written = [...tab.unsaved];
  await result(places.put(now, tab.key));
  return () => {
    for (const [epoch, cursor] of written) {
      if (tab.unsaved.get(epoch) === cursor) tab.unsaved.delete(epoch);
      if (now.cursors[epoch]?.seq === cursor.seq) tab.known.set(epoch, cursor.seq);
    }
  };
}

/** Does what IndexedDB may fail at. @throws LiveError */
async function typed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new LiveError(status.UNAVAILABLE, `cursors in IndexedDB: ${detail}`, { cause });
  }
}
