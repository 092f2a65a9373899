import { status } from '../../protos/status-codes.ts';
import type Database from 'better-sqlite3';
import { LiveError } from '../core/errors.ts';
import { ANY_SERVER } from '../core/places.ts';

/** Of the tables below, as `user_version`; 0 is an empty file, or one from the time when there was one cursor a room, whatever its stream. */
const LAYOUT = 1;

const TABLES = `
  CREATE TABLE cursors (
    name        TEXT    NOT NULL,
    room        TEXT    NOT NULL,
    epoch       TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    PRIMARY KEY (name, room, epoch)
  ) WITHOUT ROWID;
  -- Which stream was last found behind a gateway.
  CREATE TABLE found (
    name   TEXT NOT NULL,
    room   TEXT NOT NULL,
    server TEXT NOT NULL,
    epoch  TEXT NOT NULL,
    PRIMARY KEY (name, room, server)
  ) WITHOUT ROWID;
`;

/** What SQL says about the former table; a table that is not ours has no such columns. */
const TAKE_OVER = `
  INSERT INTO cursors SELECT name, room, epoch, seq, fingerprint FROM former_cursors;
  INSERT INTO found SELECT name, room, '${ANY_SERVER}', epoch FROM former_cursors;
  DROP TABLE former_cursors;
`;

/**
 * Makes the tables of a cursor database, and takes over what an earlier version kept: all of it, or nothing is changed.
 * @throws LiveError FAILED_PRECONDITION if a later version made them; otherwise what SQLite fails with
 */
export function prepareTables(database: Database.Database): void {
  if (layoutOf(database) === LAYOUT) return;
  database
    .transaction(() => {
      // Another process may have done it meanwhile.
      const found = layoutOf(database);
      if (found === LAYOUT) return;
      if (found > LAYOUT) throw madeLater(database.name, found);
      const former =
        database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cursors'").get() !== undefined;
      if (former) database.exec('ALTER TABLE cursors RENAME TO former_cursors');
      database.exec(TABLES);
      if (former) database.exec(TAKE_OVER);
      database.pragma(`user_version = ${LAYOUT}`);
    })
    .immediate();
}

function layoutOf(database: Database.Database): number {
  return database.pragma('user_version', { simple: true }) as number;
}

function madeLater(file: string, found: number): LiveError {
  const message = `the cursors in ${file} are those of a later version, or not ours (user_version ${found}): use that one, or another file`;
  return new LiveError(status.FAILED_PRECONDITION, message);
}
