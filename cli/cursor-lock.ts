import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';

/** Says that a cursor is in use. Ends with the process, however that ends. */
export interface CursorLock {
  release(): void;
}

/**
 * Claims the cursor kept under a name for a room of one stream, for this process: two that use one skip what the other has had. The lock is
 * the operating system's, on a file beside the database: no process that is gone holds it.
 * @param database file of the cursor database
 * @param epoch identity of the stream; empty if it is not known
 * @returns undefined if another process has it
 */
export function lockCursor(
  database: string,
  name: string,
  room: string,
  epoch: string,
): CursorLock | undefined {
  const id = createHash('sha256')
    .update(JSON.stringify([name, room, epoch]))
    .digest('hex')
    .slice(0, 32);
  const file = join(dirname(database), 'locks', `${id}.db`);
  mkdirSync(dirname(file), { recursive: true });
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
  return { release: () => void lock.close() };
}
