import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { status } from '../../protos/status-codes.ts';
import Database from 'better-sqlite3';
import type { Clock, Timer } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Cursor } from '../core/cursor.ts';
import type { CursorStore } from '../core/cursor-store.ts';
import { prepareTables } from './cursor-tables.ts';
import { LiveError } from '../core/errors.ts';
import { anyCluster, ANY_SERVER, notedServers, Places } from '../core/places.ts';

/** How long a saved cursor may wait for others, in milliseconds: what a kill may repeat. */
const FLUSH_DELAY_MS = 200;

/** How long to wait for another process that writes to the same database, in milliseconds. */
const BUSY_TIMEOUT_MS = 1_000;

const UPSERT_CURSOR = `
  INSERT INTO cursors (name, room, epoch, seq, fingerprint) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (name, room, epoch) DO UPDATE SET seq = excluded.seq, fingerprint = excluded.fingerprint
`;

const UPSERT_FOUND = `
  INSERT INTO found (name, room, server, epoch) VALUES (?, ?, ?, ?)
  ON CONFLICT (name, room, server) DO UPDATE SET epoch = excluded.epoch WHERE epoch <> excluded.epoch
`;

interface Row {
  epoch: string;
  seq: bigint;
  fingerprint: bigint;
}

interface Unsaved {
  readonly name: string;
  readonly room: string;
  readonly cursor: Cursor;
  readonly servers: readonly string[];
}

/** How a store in SQLite is made. */
export interface SqliteCursorStoreOptions {
  /**
   * When a cursor is written: with others after 200 ms ('delayed', default), or before `save` returns ('each'). The latter costs a
   * transaction for each message handled: 60 µs where 'delayed' costs less than 1 µs (measured on two slow cores, ext4).
   */
  readonly commit?: 'delayed' | 'each';
  readonly clock?: Clock;
}

/**
 * Keeps cursors in a SQLite database (WAL, `synchronous = NORMAL`). Messages can come again after a crash, and none is skipped.
 *
 * - The process is killed (SIGKILL): with 'each' the cursor of every message that was handled is kept, so that only the one that was being
 *   handled comes again; with 'delayed' those handled in the last 200 ms come again, too.
 * - The machine crashes or loses power: what was written since SQLite's last checkpoint may be gone with either, and comes again. The
 *   database stays intact.
 * - `LiveClient.close`, `flush` and `close` write everything.
 *
 * A cursor belongs to one process at a time: two that follow the same room of one cluster under the same name write over each other's. Clusters do not
 * meet: each has cursors of its own. A database of an earlier version is taken over.
 *
 * What fails is thrown as a `LiveError`: FAILED_PRECONDITION when the store is closed or a later version's, UNAVAILABLE when another process keeps the database
 * locked for a second, otherwise INTERNAL; SQLite's error is its `cause`.
 */
export class SqliteCursorStore implements CursorStore {
  readonly #clock: Clock;
  readonly #commit: 'delayed' | 'each';
  readonly #file: string;
  readonly #database: Database.Database;
  readonly #selectCursors: Database.Statement<[string, string], Row>;
  readonly #selectFound: Database.Statement<[string, string], [string, string]>;
  readonly #upsertCursor: Database.Statement<[string, string, string, bigint, number]>;
  readonly #upsertFound: Database.Statement<[string, string, string, string]>;
  readonly #forgetAny: Database.Statement<[string, string]>;
  readonly #unsaved = new Map<string, Unsaved>();
  #timer: Timer | undefined;
  #failure: LiveError | undefined;

  /** Opens the database in `file`, making it and its directory if need be. */
  constructor(file: string, { commit = 'delayed', clock = systemClock }: SqliteCursorStoreOptions = {}) {
    this.#file = file;
    this.#clock = clock;
    this.#commit = commit;
    this.#database = this.#typed(() => open(file));
    const ours = 'WHERE name = ? AND room = ?';
    this.#selectCursors = this.#database
      .prepare<[string, string], Row>(`SELECT epoch, seq, fingerprint FROM cursors ${ours}`)
      .safeIntegers(true);
    this.#selectFound = this.#database
      .prepare<[string, string], [string, string]>(`SELECT server, epoch FROM found ${ours}`)
      .raw();
    this.#upsertCursor = this.#database.prepare(UPSERT_CURSOR);
    this.#upsertFound = this.#database.prepare(UPSERT_FOUND);
    this.#forgetAny = this.#database.prepare(`DELETE FROM found ${ours} AND server = '${ANY_SERVER}'`);
  }

  /** Writes first what is unsaved. */
  load(name: string, room: string, cluster = anyCluster): Cursor | undefined {
    if (!this.#database.open) throw closed();
    this.#write();
    return this.#typed(() => {
      const cursors = this.#selectCursors.all(name, room).map(cursorOf);
      return new Places(cursors, this.#selectFound.all(name, room)).find(cluster);
    });
  }

  /** @throws also what an earlier, delayed write failed with. */
  save(name: string, room: string, cursor: Cursor, servers: readonly string[] = []): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#database.open) throw closed();
    this.#unsaved.set(unsavedKey(name, room, cursor.epoch), { name, room, cursor, servers });
    if (this.#commit === 'each') this.#write();
    else this.#timer ??= this.#clock.after(FLUSH_DELAY_MS, () => this.#writeLater());
  }

  async flush(): Promise<void> {
    this.#write();
  }

  /** Writes what is unsaved and closes the database. Repeating it does nothing. */
  close(): void {
    if (!this.#database.open) return;
    try {
      this.#write();
    } finally {
      this.#database.close();
    }
  }

  /** A timer has no caller to tell: the next one to save hears of a failure. A busy database is tried again. */
  #writeLater(): void {
    try {
      this.#write();
    } catch (error) {
      const failure = error as LiveError;
      if (isBusy(failure.cause)) {
        this.#timer = this.#clock.after(FLUSH_DELAY_MS, () => this.#writeLater());
      } else {
        this.#failure = failure;
      }
    }
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#unsaved.size === 0) return;
    this.#typed(() => {
      this.#database.transaction(() => {
        for (const unsaved of this.#unsaved.values()) this.#keep(unsaved);
      })();
    });
    this.#failure = undefined;
    this.#unsaved.clear();
  }

  /** See {@link Places.keep}. */
  #keep({ name, room, cursor: { epoch, seq, fingerprint }, servers }: Unsaved): void {
    this.#upsertCursor.run(name, room, epoch, seq, fingerprint);
    let isNews = false;
    for (const server of notedServers(servers)) {
      isNews = this.#upsertFound.run(name, room, server, epoch).changes > 0 || isNews;
    }
    if (isNews && servers.length > 0) this.#forgetAny.run(name, room);
  }

  /** Does what SQLite may fail at. @throws LiveError */
  #typed<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#failureOf(cause);
    }
  }

  #failureOf(cause: unknown): LiveError {
    if (cause instanceof LiveError) return cause;
    if (isBusy(cause)) {
      return new LiveError(status.UNAVAILABLE, `another process keeps ${this.#file} locked`, { cause });
    }
    const detail = cause instanceof Error ? cause.message : String(cause);
    return new LiveError(status.INTERNAL, `the cursors in ${this.#file}: ${detail}`, { cause });
  }
}

function open(file: string): Database.Database {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    prepareTables(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Unambiguous, because a room's name holds no `/`. Made for every message: JSON would take longer than all else. */
function unsavedKey(name: string, room: string, epoch: string): string {
  return `${room}/${epoch.length}/${epoch}${name}`;
}

function cursorOf({ epoch, seq, fingerprint }: Row): Cursor {
  return { epoch, seq, fingerprint: Number(fingerprint) };
}

function closed(): LiveError {
  return new LiveError(status.FAILED_PRECONDITION, 'the cursor store is closed: close it after the client');
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
