import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock, Timer } from '../common/clock.ts';
import { systemClock } from '../common/clock.ts';
import type { Cursor } from './cursor.ts';
import type { CursorStore } from './cursor-store.ts';
import { cursorKey } from './cursor-store.ts';

/** How long a saved cursor may wait for others, in milliseconds: what a crash may repeat. */
const flushDelayMs = 200;

/** How long to wait for another process that writes to the same database, in milliseconds. */
const busyTimeoutMs = 1_000;

const schema = `
  CREATE TABLE IF NOT EXISTS cursors (
    name       TEXT    NOT NULL,
    room       TEXT    NOT NULL,
    epoch      TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    PRIMARY KEY (name, room)
  ) WITHOUT ROWID
`;

const upsert = `
  INSERT INTO cursors (name, room, epoch, seq, fingerprint) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (name, room) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, fingerprint = excluded.fingerprint
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
}

/** Keeps cursors in a SQLite database. Saves are collected and written in one transaction. */
export class SqliteCursorStore implements CursorStore {
  readonly #clock: Clock;
  readonly #database: Database.Database;
  readonly #select: Database.Statement<[string, string], Row>;
  readonly #upsert: Database.Statement<[string, string, string, bigint, number]>;
  readonly #unsaved = new Map<string, Unsaved>();
  #timer: Timer | undefined;
  #failure: Error | undefined;

  /** Opens the database in `file`, making it and its directory if need be. */
  constructor(file: string, clock: Clock = systemClock) {
    mkdirSync(dirname(file), { recursive: true });
    this.#clock = clock;
    this.#database = new Database(file, { timeout: busyTimeoutMs });
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = NORMAL');
    this.#database.exec(schema);
    this.#select = this.#database
      .prepare<[string, string], Row>(
        'SELECT epoch, seq, fingerprint FROM cursors WHERE name = ? AND room = ?',
      )
      .safeIntegers(true);
    this.#upsert = this.#database.prepare(upsert);
  }

  load(name: string, room: string): Cursor | undefined {
    const unsaved = this.#unsaved.get(cursorKey(name, room));
    if (unsaved) return unsaved.cursor;
    const row = this.#select.get(name, room);
    return row && { epoch: row.epoch, seq: row.seq, fingerprint: Number(row.fingerprint) };
  }

  /** @throws what an earlier, delayed write failed with. */
  save(name: string, room: string, cursor: Cursor): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#unsaved.set(cursorKey(name, room), { name, room, cursor });
    this.#timer ??= this.#clock.after(flushDelayMs, () => this.#writeLater());
  }

  flush(): Promise<void> {
    this.#write();
    return Promise.resolve();
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
      if (isBusy(error)) this.#timer = this.#clock.after(flushDelayMs, () => this.#writeLater());
      else this.#failure = error as Error;
    }
  }

  #write(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#unsaved.size === 0) return;
    this.#database.transaction(() => {
      for (const { name, room, cursor } of this.#unsaved.values()) {
        this.#upsert.run(name, room, cursor.epoch, cursor.seq, cursor.fingerprint);
      }
    })();
    this.#unsaved.clear();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
