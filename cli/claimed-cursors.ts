import type { Cluster, Cursor, CursorStore } from '../client/index.ts';
import type { CursorDatabase } from './cursor-database.ts';
import type { CursorLock } from './cursor-lock.ts';

/**
 * Cursors that this process alone uses, each claimed when it is known of which cluster it is: watches of one room in two clusters do not
 * meet. A room whose cursor another process uses does without, for good.
 */
export class ClaimedCursors implements CursorStore {
  readonly #database: CursorDatabase;
  readonly #taken: (name: string, room: string) => void;
  /** By room and stream. */
  readonly #locks = new Map<string, CursorLock>();
  readonly #without = new Set<string>();

  /** @param taken told once of each room whose cursor is in use; what it throws ends the room */
  constructor(database: CursorDatabase, taken: (name: string, room: string) => void) {
    this.#database = database;
    this.#taken = taken;
  }

  load(name: string, room: string, cluster: Cluster): Cursor | undefined {
    if (!this.#mayUse(name, room, cluster.epoch ?? '')) return undefined;
    return this.#database.load(name, room, cluster);
  }

  save(name: string, room: string, cursor: Cursor, servers: readonly string[]): void {
    if (this.#mayUse(name, room, cursor.epoch)) this.#database.save(name, room, cursor, servers);
  }

  flush(): Promise<void> {
    return this.#database.flush();
  }

  /** Writes everything, and lets others have the cursors. */
  close(): void {
    this.#database.close();
    for (const lock of this.#locks.values()) lock.release();
    this.#locks.clear();
  }

  #mayUse(name: string, room: string, epoch: string): boolean {
    if (this.#without.has(room)) return false;
    const key = `${room}/${epoch}`;
    if (this.#locks.has(key)) return true;
    const lock = this.#database.lock(name, room, epoch);
    if (lock === undefined) {
      this.#without.add(room);
      this.#taken(name, room);
      return false;
    }
    this.#locks.set(key, lock);
    return true;
  }
}
