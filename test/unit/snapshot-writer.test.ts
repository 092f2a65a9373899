import assert from 'node:assert/strict';
import { INITIAL_STATE } from '../../server/state/room-state.ts';
import type { Snapshot } from '../../server/state/snapshot.ts';
import { parseSnapshot } from '../../server/state/snapshot.ts';
import { SnapshotWriter } from '../../server/state/snapshot-writer.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/settle.ts';
import { SnapshotsInMemory } from '../helpers/snapshots-in-memory.ts';

const at = (seq: number): Snapshot => ({
  position: { epoch: 'LIVE@1', seq, fingerprint: seq },
  state: { ...INITIAL_STATE, closed: { seq, timeMs: 0, reason: '' } },
  uncertain: false,
});

describe('snapshots of a room', () => {
  let clock: ManualClock;
  let snapshots: SnapshotsInMemory;

  beforeEach(() => {
    clock = new ManualClock();
    snapshots = new SnapshotsInMemory();
  });

  const writer = (current: () => Snapshot): SnapshotWriter =>
    new SnapshotWriter({ room: 'r', snapshots, clock, random: () => 0.5, current });

  const storedSeq = (): number | undefined => parseSnapshot(snapshots.textOf('r') ?? '')?.position.seq;

  async function pass(ms: number): Promise<void> {
    clock.advance(ms);
    await settle();
  }

  it('are stored soon after a command, by one of all gateways', async () => {
    const writers = Array.from({ length: 5 }, () => writer(() => at(7)));
    for (const one of writers) one.grown(true);
    await pass(500);
    assert.equal(storedSeq(), 7);
    assert.equal(snapshots.gets, 4, 'the others look at what is there');
    assert.equal(snapshots.puts, 5);
  });

  it('take the place of one that is older, whoever has stored it meanwhile', async () => {
    const older = writer(() => at(3));
    const newer = writer(() => at(7));
    older.grown(true);
    await pass(500);
    newer.grown(true);
    await pass(500);
    assert.equal(storedSeq(), 7);
    older.grown(true);
    await pass(500);
    assert.equal(storedSeq(), 7, 'but not of one that is newer');
  });

  it('are stored every so many messages, and where many had to be read', async () => {
    const counting = writer(() => at(1));
    for (let n = 0; n < 1_500; n++) counting.grown(false);
    await pass(500);
    assert.equal(storedSeq(), undefined);
    counting.grown(false);
    await pass(500);
    assert.equal(storedSeq(), 1);
    const reader = writer(() => at(9));
    reader.loaded(1, 1_501);
    await pass(0);
    assert.equal(storedSeq(), 9);
  });

  it('are tried again while the bucket is away', async () => {
    snapshots.away = true;
    const one = writer(() => at(7));
    one.grown(true);
    await pass(500);
    assert.equal(storedSeq(), undefined);
    snapshots.away = false;
    await pass(2_000);
    assert.equal(storedSeq(), 7);
    one.close();
  });

  it('of what has changed while one was stored follow it', async () => {
    let snapshot = at(7);
    const one = writer(() => snapshot);
    snapshots.withholdAnswers();
    one.grown(true);
    await pass(500);
    snapshot = at(8);
    one.grown(true);
    snapshots.answerAll();
    await settle();
    assert.equal(storedSeq(), 7);
    await pass(500);
    assert.equal(storedSeq(), 8);
  });
});
