import type { Cluster, Cursor, CursorStore } from '../client/index.ts';
import { SqliteCursorStore } from '../client/sqlite.ts';
import type { CursorLock } from './cursor-lock.ts';
import { lockCursor } from './cursor-lock.ts';

/** What to do about what the system or SQLite says, by its code. */
const remedies: readonly (readonly [codes: RegExp, remedy: string])[] = [
  [/^SQLITE_(BUSY|LOCKED)/, 'another process has it locked: end that one, or wait for it'],
  [
    /^SQLITE_(NOTADB|CORRUPT|ERROR|MISMATCH)/,
    'it is damaged or not ours: move it away, which forgets all places',
  ],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT|SQLITE_IOERR)/, 'make space on its disk, or check that'],
  [/./, 'make it and its directory ones that can be written, or name another by XDG_STATE_HOME'],
];

/** What failed. */
type Doing = 'open' | 'lock' | 'read' | 'write';

/** The cursors could not be kept or found; says where, and what to do. */
export class CursorDatabaseError extends Error {
  constructor(doing: Doing, file: string, cause: unknown) {
    const { message } = cause as Error;
    const code = codeOf(cause);
    const remedy = remedies.find(([codes]) => codes.test(code))?.[1] ?? 'see what is there';
    super(`cannot ${doing} the cursor database ${file}: ${message} (${remedy}; --no-cursor does without)`, {
      cause,
    });
  }
}

/** The code that the system or SQLite gave, below whatever was made of it. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'code' in error && typeof error.code === 'string' ? error.code : codeOf(error.cause);
}

/** A SQLite cursor store whose every error names the file and a remedy. */
export class CursorDatabase implements CursorStore {
  readonly #file: string;
  readonly #store: SqliteCursorStore;

  /** @throws CursorDatabaseError */
  constructor(file: string) {
    this.#file = file;
    this.#store = this.#try('open', () => new SqliteCursorStore(file, { commit: 'each' }));
  }

  /** See {@link lockCursor}. */
  lock(name: string, room: string, epoch: string): CursorLock | undefined {
    return this.#try('lock', () => lockCursor(this.#file, name, room, epoch));
  }

  load(name: string, room: string, cluster: Cluster): Cursor | undefined {
    return this.#try('read', () => this.#store.load(name, room, cluster));
  }

  save(name: string, room: string, cursor: Cursor, servers: readonly string[]): void {
    this.#try('write', () => this.#store.save(name, room, cursor, servers));
  }

  async flush(): Promise<void> {
    try {
      await this.#store.flush();
    } catch (cause) {
      throw new CursorDatabaseError('write', this.#file, cause);
    }
  }

  close(): void {
    this.#try('write', () => this.#store.close());
  }

  #try<T>(doing: Doing, fn: () => T): T {
    try {
      return fn();
    } catch (cause) {
      throw new CursorDatabaseError(doing, this.#file, cause);
    }
  }
}
