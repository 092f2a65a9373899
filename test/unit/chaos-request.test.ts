import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RunRequest } from '../../chaos/run/request.ts';
import { planOf } from '../../chaos/run/request.ts';
import { recordRun } from '../helpers/recorded.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('a chaos run that is asked for', () => {
  let directory: TempDir;
  let db: string;

  before(async () => {
    directory = await tempDir();
    db = join(directory.path, 'chaos.db');
    recordRun(db, { published: [], viewers: [] }, { plan: { run: 'recorded', transport: 'websocket' } });
  });
  after(() => directory[Symbol.asyncDispose]());

  it('has the transport that endpoints of others say', () => {
    assert.equal(planOf({ db, server: ['ws://127.0.0.1:1'] }).transport, 'websocket');
    assert.equal(planOf({ db, server: ['127.0.0.1:1'] }).transport, 'grpc');
  });

  it('has that of the run that it repeats, and no endpoints that say another', () => {
    const replay = { db, replay: 'recorded' };
    assert.equal(planOf(replay).transport, 'websocket');
    assert.equal(planOf({ ...replay, server: ['ws://127.0.0.1:1'] }).transport, 'websocket');
    assert.throws(
      () => planOf({ ...replay, server: ['127.0.0.1:1'] }),
      /--transport websocket contradicts --server 127\.0\.0\.1:1: write ws:\/\//,
    );
  });

  for (const [option, asked] of [
    ['viewers', { viewers: 2 }],
    ['rooms', { rooms: 2 }],
    ['duration', { durationMs: 2_000 }],
    ['rate', { rate: 2 }],
    ['ephemeralRate', { ephemeralRate: 2 }],
    ['profile', { profile: 'storm' }],
    ['transport', { transport: 'websocket' }],
    ['fault', { faults: new Map([['rst', 1]]) }],
    ['seed', { seed: 2 }],
    ['gateways', { gateways: 2 }],
    ['natsCluster', { natsCluster: 3 }],
  ] as [string, Partial<RunRequest>][])
    it(`leaves the ${option} to the run that it repeats`, () => {
      assert.throws(() => planOf({ db, replay: 'recorded', ...asked }), {
        message: `with --replay, the recorded run decides the ${option}`,
      });
    });
});
