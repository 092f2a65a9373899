import type { Cursor } from './cursor.ts';
import type { Cluster } from './places.ts';
import { anyCluster, Places } from './places.ts';

/**
 * Keeps cursors across restarts, by a name of the application's choice and by room, and for each stream its own: who follows a room of
 * two clusters in turn goes on in each where it was. Saving may lag behind (a crash then repeats messages) but never runs ahead
 * (nothing is skipped).
 */
export interface CursorStore {
  /**
   * The cursor to bring to a cluster, if any; asked for once its gateway has said which it is. Of a cluster whose stream was created anew it is the last
   * one in the former stream, which the gateway answers with a reset: without it the viewer would not hear of that. `Places` says which it is.
   */
  load(name: string, room: string, cluster: Cluster): Cursor | undefined | Promise<Cursor | undefined>;
  /** Takes note of a cursor and the gateways behind which it means something. Called for every message handled, so it must return at once. */
  save(name: string, room: string, cursor: Cursor, servers: readonly string[]): void;
  /** Resolves when everything saved so far is kept. */
  flush(): Promise<void>;
}

/** Keeps cursors for as long as the process lives. */
export class MemoryCursorStore implements CursorStore {
  readonly #places = new Map<string, Places>();

  load(name: string, room: string, cluster = anyCluster): Cursor | undefined {
    return this.#places.get(placesKey(name, room))?.find(cluster);
  }

  save(name: string, room: string, cursor: Cursor, servers: readonly string[] = []): void {
    const key = placesKey(name, room);
    const places = this.#places.get(key) ?? new Places();
    this.#places.set(key, places);
    places.keep(cursor, servers);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** One key for a name and a room; unambiguous, because a room's name holds no `/`. */
function placesKey(name: string, room: string): string {
  return `${room}/${name}`;
}
