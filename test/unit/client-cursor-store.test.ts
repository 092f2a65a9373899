import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SqliteCursorStore } from '../../client/index.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('client cursor store in SQLite', () => {
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

  it('collects saves, and knows what it has not written yet', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, clock);
    const other = new SqliteCursorStore(file);
    for (let seq = 1n; seq <= 100n; seq += 1n) store.save('me', 'r1', { ...cursor, seq });
    assert.equal(clock.pending, 1);
    assert.equal(store.load('me', 'r1')?.seq, 100n);
    assert.equal(other.load('me', 'r1'), undefined);
    clock.advance(200);
    assert.equal(other.load('me', 'r1')?.seq, 100n);
    store.close();
    other.close();
    assert.equal(clock.pending, 0);
  });

  it('has everything written when flush resolves', async () => {
    const store = new SqliteCursorStore(file, new ManualClock());
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
    const store = new SqliteCursorStore(file, clock);
    const vandal = new Database(file);
    vandal.exec('DROP TABLE cursors');
    vandal.close();
    store.save('me', 'r1', cursor);
    clock.advance(200);
    assert.throws(() => store.save('me', 'r1', cursor), { name: 'SqliteError' });
    assert.throws(() => store.close(), { name: 'SqliteError' });
    store.close();
  });

  it('tries again while another process writes', () => {
    const clock = new ManualClock();
    const store = new SqliteCursorStore(file, clock);
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
});
