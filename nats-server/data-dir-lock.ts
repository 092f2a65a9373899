import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** Another gateway, or its nats-server, uses the data directory. */
export class DataDirInUseError extends Error {
  override readonly name = 'DataDirInUseError';

  /** @param natsPid number of the nats-server that uses it; absent: a gateway does */
  constructor(directory: string, natsPid?: number) {
    const user = natsPid === undefined ? 'another live-server' : `a nats-server, process ${natsPid}`;
    super(`${directory} is in use by ${user}; give this one its own with --data-dir`);
  }
}

/**
 * Takes a data directory for this process; creates it if absent. SQLite's file lock is the lock: the operating
 * system releases it when the process ends, however that happens, so there is no stale lock to judge.
 * @returns releases the directory.
 * @throws DataDirInUseError
 */
export function lockDataDir(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const database = new Database(join(directory, 'lock.db'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') throw new DataDirInUseError(directory);
    throw error;
  }
  return () => void database.close();
}
