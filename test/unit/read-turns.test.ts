import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { ReadTurns } from '../../server/transport/grpc/read-turns.ts';

describe('Isolated: reading frames', () => {
  it('goes on at once while there are few, and by one a turn of each call when there are thousands', async () => {
    const reads = new ReadTurns(setImmediate);
    const read = { busy: 0, other: 0 };
    /** A call of which so many frames have come by one read. */
    const call = (name: 'busy' | 'other', frames: number) => ({
      startRead(): void {
        if (++read[name] < frames) reads.next(this);
      },
    });
    const other = call('other', 3);
    reads.next(other);
    await turn();
    assert.deepEqual(read, { busy: 0, other: 3 }, 'in one turn');
    reads.next(call('busy', 10_000));
    await turn();
    const first = read.busy;
    assert.ok(first > 100 && first < 1_000, `${first} frames in a turn`);
    for (let n = 0; n < 10; n++) await turn();
    assert.ok(read.busy <= 12 * first, `${read.busy} frames in ten turns more`);
    assert.ok(read.busy > first, 'it goes on');
  });
});
