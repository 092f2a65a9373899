import type { Cursor } from './cursor.ts';

/**
 * Keeps cursors across restarts, by a name of the application's choice and by room. Saving may lag behind (a
 * crash then repeats messages) but never runs ahead (nothing is skipped).
 */
export interface CursorStore {
  /** The cursor last saved, if any. */
  load(name: string, room: string): Cursor | undefined | Promise<Cursor | undefined>;
  /** Takes note of a cursor. Called for every message handled, so it must return at once. */
  save(name: string, room: string, cursor: Cursor): void;
  /** Resolves when everything saved so far is kept. */
  flush(): Promise<void>;
}

/** Keeps cursors for as long as the process lives. */
export class MemoryCursorStore implements CursorStore {
  readonly #cursors = new Map<string, Cursor>();

  load(name: string, room: string): Cursor | undefined {
    return this.#cursors.get(cursorKey(name, room));
  }

  save(name: string, room: string, cursor: Cursor): void {
    this.#cursors.set(cursorKey(name, room), cursor);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

/** One key for a name and a room; unambiguous, because a room's name holds no `/`. */
export function cursorKey(name: string, room: string): string {
  return `${room}/${name}`;
}
