import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SqliteCursorStore } from '../../client/index.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { joined, Reader, ScriptedClient } from '../helpers/scripted-client.ts';

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
    const store = new SqliteCursorStore(file, { clock });
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
    assert.throws(() => loading.client.join('r1', { cursorName: 'me' }), told);
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
