import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { MemoryCursorStore } from '../../client/index.ts';
import { SqliteCursorStore } from '../../client/sqlite.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { joined, Reader, ScriptedClient } from '../helpers/scripted-client.ts';

describe('Resumable: client cursor store in SQLite', () => {
  const cursor = { epoch: 'LIVE@1', seq: 9_007_199_254_740_993n, fingerprint: 0xffff_fffe };
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'live-cursors-'));
    file = join(directory, 'deep', 'cursors.db');
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('keeps cursors by name and room, exactly', () => {
    const store = new SqliteCursorStore(file);
    store.save('me', 'r1', cursor);
    store.save('me', 'r2', { ...cursor, seq: 2n });
    store.close();
    const again = new SqliteCursorStore(file);
    assert.deepEqual(again.load('me', 'r1'), cursor);
    assert.equal(again.load('me', 'r2')?.seq, 2n);
    assert.equal(again.load('you', 'r1'), undefined);
    again.close();
  });

  it('collects saves, and writes what it has not written yet before it looks one up', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, { clock });
    const other = new SqliteCursorStore(file);
    for (let seq = 1n; seq <= 100n; seq += 1n) store.save('me', 'r1', { ...cursor, seq });
    assert.equal(clock.pending, 1);
    assert.equal(other.load('me', 'r1'), undefined);
    clock.advance(200);
    assert.equal(other.load('me', 'r1')?.seq, 100n);
    store.save('me', 'r1', { ...cursor, seq: 101n });
    assert.equal(store.load('me', 'r1')?.seq, 101n);
    assert.equal(other.load('me', 'r1')?.seq, 101n);
    store.close();
    other.close();
    assert.equal(clock.pending, 0);
  });

  it('has everything written when flush resolves', async () => {
    const store = new SqliteCursorStore(file, { clock: new ManualClock() });
    const other = new SqliteCursorStore(file);
    store.save('me', 'r1', cursor);
    await store.flush();
    assert.deepEqual(other.load('me', 'r1'), cursor);
    store.close();
    store.close();
    other.close();
  });

  it('tells the next one to save that a delayed write failed', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, { clock });
    const vandal = new Database(file);
    vandal.exec('DROP TABLE cursors');
    vandal.close();
    store.save('me', 'r1', cursor);
    clock.advance(200);
    assert.throws(() => store.save('me', 'r1', cursor), {
      name: 'LiveError',
      codeName: 'INTERNAL',
      message: /cursors\.db: no such table/,
    });
    assert.throws(() => store.close(), {
      name: 'LiveError',
      codeName: 'INTERNAL',
      message: /cursors\.db: no such table/,
    });
    store.close();
  });

  it('tries again while another process writes', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, { clock });
    const other = new Database(file);
    store.save('me', 'r1', cursor);
    other.exec('BEGIN IMMEDIATE');
    clock.advance(200);
    other.exec('COMMIT');
    other.close();
    clock.advance(200);
    const reader = new SqliteCursorStore(file);
    assert.deepEqual(reader.load('me', 'r1'), cursor);
    reader.close();
    store.close();
  });

  it('has each cursor written before save returns, if it is to', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, { commit: 'each', clock });
    const other = new SqliteCursorStore(file);
    store.save('me', 'r1', cursor);
    assert.deepEqual(other.load('me', 'r1'), cursor);
    assert.equal(clock.pending, 0);
    store.close();
    other.close();
  });

  for (const kind of ['SQLite', 'memory'] as const) {
    it(`keeps the cursors of two clusters apart, in ${kind}`, () => {
      const store = kind === 'memory' ? new MemoryCursorStore() : new SqliteCursorStore(file);
      const at = (epoch: string, seq: bigint) => ({ epoch, seq, fingerprint: 7 });
      const [a, b] = [
        { epoch: 'LIVE@1', servers: ['a1:1', 'a2:1'] },
        { epoch: 'LIVE@2', servers: ['b1:1'] },
      ];
      store.save('me', 'r1', at('LIVE@1', 10n), a.servers);
      assert.equal(store.load('me', 'r1', b), undefined);
      store.save('me', 'r1', at('LIVE@2', 20n), b.servers);
      assert.deepEqual(store.load('me', 'r1', a), at('LIVE@1', 10n));
      assert.deepEqual(store.load('me', 'r1', b), at('LIVE@2', 20n));
      // Created anew: as long as the reset has not been told, the cursor of the former stream is brought.
      const anew = { epoch: 'LIVE@3', servers: ['a2:1'] };
      assert.deepEqual(store.load('me', 'r1', anew), at('LIVE@1', 10n));
      store.save('me', 'r1', at('LIVE@3', 0n), anew.servers);
      assert.deepEqual(store.load('me', 'r1', anew), at('LIVE@3', 0n));
      if (store instanceof SqliteCursorStore) store.close();
    });
  }

  describe('of an earlier version', () => {
    /** The database as it was when a room had one cursor, whatever its stream. */
    function earlier(
      columns = 'epoch TEXT NOT NULL, seq INTEGER NOT NULL, fingerprint INTEGER NOT NULL',
    ): void {
      mkdirSync(join(directory, 'deep'));
      const database = new Database(file);
      database.exec(`
        CREATE TABLE cursors (name TEXT NOT NULL, room TEXT NOT NULL, ${columns}, PRIMARY KEY (name, room)) WITHOUT ROWID
      `);
      const insert = database.prepare(`INSERT INTO cursors VALUES (?, ?, ?, ?, ?)`);
      for (const [room, seq] of [
        ['r1', cursor.seq],
        ['r2', 2n],
      ] as const) {
        insert.run('me', room, cursor.epoch, seq, cursor.fingerprint);
      }
      database.close();
    }

    it('are taken over, exactly', () => {
      earlier();
      new SqliteCursorStore(file).close();
      const store = new SqliteCursorStore(file);
      const here = { epoch: cursor.epoch, servers: ['a:1'] };
      assert.deepEqual(store.load('me', 'r1', here), cursor);
      assert.deepEqual(store.load('me', 'r2', here), { ...cursor, seq: 2n });
      // It may be the former stream of any cluster, until it has been seen behind a gateway.
      const elsewhere = { epoch: 'LIVE@9', servers: ['b:1'] };
      assert.deepEqual(store.load('me', 'r1', elsewhere), cursor);
      store.save('me', 'r1', cursor, here.servers);
      assert.equal(store.load('me', 'r1', elsewhere), undefined);
      assert.deepEqual(store.load('me', 'r2', elsewhere), { ...cursor, seq: 2n });
      store.close();
    });

    it('stay as they are where that fails, and it is said', () => {
      earlier('epoch TEXT, place INTEGER, fingerprint INTEGER');
      for (let times = 0; times < 2; times += 1) {
        assert.throws(() => new SqliteCursorStore(file), {
          name: 'LiveError',
          codeName: 'INTERNAL',
          message: /cursors\.db: no such column: seq/,
        });
      }
      const database = new Database(file);
      assert.deepEqual(database.prepare('SELECT count(*) AS count FROM cursors').get(), { count: 2 });
      database.close();
    });
  });

  it('of a later version are left alone', () => {
    new SqliteCursorStore(file).close();
    const database = new Database(file);
    database.pragma('user_version = 2');
    database.close();
    assert.throws(() => new SqliteCursorStore(file), {
      name: 'LiveError',
      codeName: 'FAILED_PRECONDITION',
      message: /cursors\.db are those of a later version/,
    });
  });

  it('says that it is closed, or locked by another process', () => {
    const store = new SqliteCursorStore(file, { commit: 'each' });
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    assert.throws(() => store.save('me', 'r1', cursor), {
      name: 'LiveError',
      codeName: 'UNAVAILABLE',
      message: /locked/,
    });
    other.exec('COMMIT');
    other.close();
    store.close();
    const closed = {
      name: 'LiveError',
      codeName: 'FAILED_PRECONDITION',
      message: /close it after the client/,
    };
    assert.throws(() => store.save('me', 'r1', cursor), closed);
    assert.throws(() => store.load('me', 'r1'), closed);
  });

  it('of a client that fails is told as a LiveError, wherever it fails', async () => {
    const broken = new Error('no space');
    const fail = (): never => {
      throw broken;
    };
    const told = { name: 'LiveError', message: 'the cursor store failed: no space', cause: broken };
    const working = { load: () => undefined, save: () => undefined, flush: () => Promise.resolve() };
    const loading = new ScriptedClient({ cursorStore: { ...working, load: fail } });
    const unread = new Reader(loading.client.join('r1', { cursorName: 'me' }));
    loading.welcome();
    await assert.rejects(unread.next(), told);
    const later = new Reader(loading.client.join('r1', { cursorName: 'me' }));
    await assert.rejects(later.next(), told);
    loading.client.join('r1');
    await loading.client.close();

    const saving = new ScriptedClient({ cursorStore: { ...working, save: fail } });
    const reader = new Reader(saving.client.join('r1', { cursorName: 'me' }));
    saving.welcome();
    saving.receive(joined('r1', 0));
    await reader.take(1);
    await assert.rejects(reader.next(), told);
    await saving.client.close();

    const flushing = new ScriptedClient({ cursorStore: { ...working, flush: () => Promise.reject(broken) } });
    await assert.rejects(flushing.client.close(), told);
  });
});
