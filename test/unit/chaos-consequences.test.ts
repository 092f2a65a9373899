import assert from 'node:assert/strict';
import { consequencesFor } from '../../cli/chaos/run/consequences.ts';
import { Epochs } from '../../cli/chaos/run/epochs.ts';
import { Excuses } from '../../cli/chaos/run/excuses.ts';
import type { ViewerEvent } from '../../cli/chaos/oracle/history.ts';

const gap = (after: number, atMs: number): ViewerEvent => {
  return { kind: 'gap', room: 'demo', atMs, after, next: after + 5, expected: false };
};
const reset = (atMs: number): ViewerEvent => {
  return { kind: 'reset', room: 'demo', atMs, epoch: 'b', seq: 0, expected: false };
};

describe('the consequences of taking messages away', () => {
  let excuses: Excuses;
  let epochs: Epochs;
  let nowMs: number;

  const consequences = () =>
    consequencesFor(
      excuses,
      epochs,
      () => nowMs,
      () => Promise.resolve('b'),
    );
  const isExpected = (event: ViewerEvent): unknown => {
    const judged = excuses.judge(event);
    return 'expected' in judged && judged.expected;
  };

  beforeEach(() => {
    excuses = new Excuses();
    epochs = new Epochs('a');
    nowMs = 1_000;
  });

  it('excuses no gap and no reset when nothing was taken away', () => {
    assert.equal(isExpected(gap(3, 2_000)), false);
    assert.equal(isExpected(reset(2_000)), false);
  });

  it('excuses gaps while messages are removed, and later those that begin among what was removed', async () => {
    await consequences().removing(() => {
      assert.equal(isExpected(gap(500, 1_000)), true);
      nowMs = 1_500;
      return Promise.resolve(100);
    });
    assert.equal(isExpected(gap(98, 2_000)), true);
    assert.equal(isExpected(gap(99, 2_000)), false);
    assert.equal(isExpected(gap(500, 1_500)), true);
    assert.equal(isExpected(gap(500, 999)), false);
    assert.equal(isExpected(reset(2_000)), false);
  });

  it('excuses resets from the moment when the stream is deleted', async () => {
    await consequences().recreating(() => Promise.resolve());
    assert.equal(isExpected(reset(999)), false);
    assert.equal(isExpected(reset(1_000)), true);
    assert.equal(isExpected(gap(3, 2_000)), false);
  });

  it('counts an acknowledgement for the stream that the message was surely stored in', async () => {
    const before = epochs.stamp();
    assert.equal(epochs.epochOf(before), 'a');
    let during = before;
    await consequences().recreating(async () => {
      during = epochs.stamp();
      assert.equal(epochs.epochOf(before), undefined);
    });
    assert.equal(epochs.epochOf(before), undefined);
    assert.equal(epochs.epochOf(during), undefined);
    assert.equal(epochs.epochOf(epochs.stamp()), 'b');
  });
});
