import assert from 'node:assert/strict';
import type { Reconstruction } from '../../server/state/reconstruct.ts';
import { reconstruct } from '../../server/state/reconstruct.ts';
import { snapshotText } from '../../server/state/snapshot.ts';
import { SnapshotsInMemory } from '../helpers/snapshots-in-memory.ts';
import { StreamModel } from '../helpers/stream-model.ts';

const NONE = { seq: 0, fingerprint: 0, timeMs: Number.NaN, bytes: 0 };

describe('the state of a room, as it is made', () => {
  let stream: StreamModel;
  let snapshots: SnapshotsInMemory;

  beforeEach(() => {
    stream = new StreamModel();
    snapshots = new SnapshotsInMemory();
  });

  async function make(failures = 0): Promise<Reconstruction> {
    const { epoch, last = NONE, lastSeq: watermark } = await stream.roomEnd('r');
    const end = { epoch, last, watermark, empty: last.seq === 0 };
    const read = (from: number): ReturnType<StreamModel['readHistory']> => stream.readHistory('r', from);
    return reconstruct({ room: 'r', snapshots, read }, end, failures);
  }

  async function store(): Promise<Reconstruction> {
    const made = await make();
    await snapshots.put('r', snapshotText(made.snapshot), made.revision);
    return made;
  }

  const command = (type: string): number => stream.publish('r', '', [], type);

  it('begins with what the stream holds where there is no snapshot', async () => {
    for (let n = 0; n < 10; n++) command('gift');
    command('mute_all');
    const { snapshot, read, revision } = await make();
    assert.deepEqual([snapshot.state.muted?.seq, snapshot.position.seq, revision], [11, 11, 0]);
    assert.ok(read >= 11);
  });

  it('reads nothing where the snapshot names the newest message, and only what is behind it otherwise', async () => {
    for (let n = 0; n < 100; n++) command('gift');
    command('mute_all');
    await store();
    assert.equal((await make()).read, 0);
    command('unmute_all');
    const { snapshot, read } = await make();
    assert.equal(snapshot.state.muted, undefined);
    assert.equal(read, 2, 'the message that it names is looked at');
  });

  it('does not ask the stream of a room that has nothing', async () => {
    const { questions } = stream;
    const { snapshot } = await make();
    assert.deepEqual([questions.history, snapshot.position.seq], [0, 0]);
  });

  it('is another one where the stream was restored and went its own way', async () => {
    command('gift');
    command('mute_all');
    await store();
    stream.rewindTo(1);
    command('gift');
    command('room_closed');
    const { snapshot } = await make();
    assert.deepEqual([snapshot.state.muted, snapshot.state.closed?.seq], [undefined, 3]);
    assert.equal(snapshot.uncertain, false);
  });

  it('is another one where the stream was created again', async () => {
    command('mute_all');
    await store();
    stream.recreate();
    command('gift');
    const { snapshot } = await make();
    assert.deepEqual([snapshot.state.muted, snapshot.position.epoch], [undefined, 'LIVE@2']);
  });

  it('waits for the stream to come as far as its snapshot, but not for ever', async () => {
    command('gift');
    command('mute_all');
    await store();
    stream.rewindTo(1);
    await assert.rejects(make(0), /ahead/);
    await assert.rejects(make(4), /ahead/);
    assert.equal((await make(5)).snapshot.state.muted, undefined);
  });

  it('says that a command may be missing where messages behind the snapshot had gone', async () => {
    command('mute_all');
    await store();
    stream.evictBefore(2);
    assert.equal((await make()).snapshot.uncertain, false, 'nothing behind it has gone');
    command('unmute_all');
    command('gift');
    stream.evictBefore(3);
    const { snapshot } = await make();
    assert.deepEqual([snapshot.state.muted?.seq, snapshot.uncertain], [1, true]);
    await store();
    command('gift');
    assert.equal((await make()).snapshot.uncertain, true, 'that is not forgotten');
  });

  it('is not made from what another version has stored', async () => {
    command('mute_all');
    await snapshots.put('r', '{"format":99}', 0);
    const { snapshot, revision } = await make();
    assert.deepEqual([snapshot.state.muted?.seq, revision], [1, 1]);
  });
});
