import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

/** The file is no database of recorded runs, or one of another version. */
export class RecordingError extends Error {}

/** "LVCH", in the header of the file. */
const APPLICATION_ID = 0x4c564348;

/** Goes up with every change of the tables or of the encoding of events. */
const SCHEMA_VERSION = 2;

/** How long to wait for another process that writes to the same database, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Times are microseconds of the run's clock. Texts (rooms, epochs, identifiers) are kept once a run and named by their
 * code. `n` keeps the order. Events lie in chunks of many, see `EventEncoder`.
 */
const SCHEMA = `
  CREATE TABLE runs (
    run           INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    started_at_ms INTEGER NOT NULL,
    plan          TEXT    NOT NULL,
    history_reads INTEGER,
    complete      INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE texts (
    run  INTEGER NOT NULL,
    code INTEGER NOT NULL,
    text TEXT    NOT NULL,
    PRIMARY KEY (run, code)
  ) WITHOUT ROWID;
  CREATE TABLE published (
    run      INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    room     INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    id       INTEGER NOT NULL,
    at_us    INTEGER NOT NULL,
    acked_us INTEGER,
    PRIMARY KEY (run, n)
  ) WITHOUT ROWID;
  CREATE TABLE unknown (
    run     INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    room    INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    from_us INTEGER,
    to_us   INTEGER,
    PRIMARY KEY (run, n)
  ) WITHOUT ROWID;
  CREATE TABLE faults (
    run     INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    fault   INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us   INTEGER NOT NULL,
    PRIMARY KEY (run, n)
  ) WITHOUT ROWID;
  CREATE TABLE outages (
    run        INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    from_us    INTEGER NOT NULL,
    to_us      INTEGER NOT NULL,
    causes     TEXT    NOT NULL,
    blind      INTEGER NOT NULL,
    unstorable INTEGER NOT NULL,
    PRIMARY KEY (run, n)
  ) WITHOUT ROWID;
  -- The final heads of rooms.
  CREATE TABLE settled (
    run   INTEGER NOT NULL,
    room  TEXT    NOT NULL,
    epoch TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (run, room)
  ) WITHOUT ROWID;
  CREATE TABLE viewers (
    run    INTEGER NOT NULL,
    viewer INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    PRIMARY KEY (run, viewer)
  ) WITHOUT ROWID;
  CREATE TABLE totals (
    run                   INTEGER NOT NULL,
    viewer                TEXT    NOT NULL,
    reconnects            INTEGER NOT NULL,
    bytes                 INTEGER NOT NULL,
    duplicates_dropped    INTEGER NOT NULL,
    continuity_violations INTEGER NOT NULL,
    PRIMARY KEY (run, viewer)
  ) WITHOUT ROWID;
  CREATE TABLE events (
    run     INTEGER NOT NULL,
    viewer  INTEGER NOT NULL,
    chunk   INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us   INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    data    BLOB    NOT NULL,
    PRIMARY KEY (run, viewer, chunk)
  );
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Opens the database for recording, making it and its directory if need be.
 * @throws RecordingError if the file is something else.
 */
export function openForWriting(path: string): Database.Database {
  mkdirSync(dirname(path), { recursive: true });
  return open(path, {}, (database) => {
    const prepare = database.transaction(() => {
      if (isEmpty(database)) database.exec(SCHEMA);
      else check(path, database);
    });
    prepare.immediate();
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    // A checkpoint in the middle of a run would stop everything; the last connection makes one when it closes.
    database.pragma('wal_autocheckpoint = 0');
  });
}

/**
 * Opens the database for reading.
 * @throws RecordingError if there is none, or the file is something else.
 */
export function openForReading(path: string): Database.Database {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new RecordingError(`${path}: there is no such file`);
  return open(path, { readonly: true }, (database) => check(path, database));
}

/** Rows of one query, over a connection of its own, so that any number of them may be under way. */
export function* rowsOf<Row>(
  path: string,
  sql: string,
  ...parameters: (string | number)[]
): Generator<Row, void, undefined> {
  const database = openForReading(path);
  try {
    yield* database.prepare<(string | number)[], Row>(sql).iterate(...parameters);
  } finally {
    database.close();
  }
}

function open(
  path: string,
  options: Database.Options,
  prepare: (database: Database.Database) => void,
): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS, ...options });
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    if (!(error instanceof Database.SqliteError)) throw error;
    const foreign = error.code === 'SQLITE_NOTADB';
    const text = foreign ? 'is no database of recorded runs' : `cannot be used: ${error.message}`;
    throw new RecordingError(`${path} ${text}`, { cause: error });
  }
}

function isEmpty(database: Database.Database): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function check(path: string, database: Database.Database): void {
  if (database.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    throw new RecordingError(`${path} is no database of recorded runs`);
  }
  const version = database.pragma('user_version', { simple: true });
  if (version !== SCHEMA_VERSION) {
    throw new RecordingError(
      `${path} has version ${String(version)} of the recording; this program reads and writes version ${SCHEMA_VERSION}`,
    );
  }
}
