import assert from 'node:assert/strict';
import { consequencesFor } from '../../chaos/run/consequences.ts';
import { Epochs } from '../../chaos/run/epochs.ts';
import { Excuses } from '../../chaos/run/excuses.ts';
import type { Outage, ViewerEvent } from '../../chaos/oracle/history.ts';

const gap = (after: number, atMs: number): ViewerEvent => {
  return { kind: 'gap', room: 'demo', atMs, after, next: after + 5, expected: false };
};
const reset = (atMs: number, epoch = 'b'): ViewerEvent => {
  return { kind: 'reset', room: 'demo', atMs, epoch, seq: 0, expected: false };
};

describe('the consequences of taking messages away', () => {
  let excuses: Excuses;
  let epochs: Epochs;
  let nowMs: number;
  let log: string[];
  let outages: Outage[];

  const consequences = (epochThen = 'b') =>
    consequencesFor({
      excuses,
      epochs,
      traffic: {
        pause() {
          log.push('paused');
          return Promise.resolve(() => log.push('resumed'));
        },
        publishNow: () => Promise.reject(new Error('nothing is published here')),
        storeNow: () => Promise.reject(new Error('nothing is stored here')),
      },
      recorder: { outage: (outage) => outages.push(outage) },
      nowMs: () => nowMs,
      readEpoch: () => Promise.resolve(epochThen),
    });
  const isExpected = (event: ViewerEvent): unknown => {
    const judged = excuses.judge(event);
    return 'expected' in judged && judged.expected;
  };

  beforeEach(() => {
    excuses = new Excuses();
    epochs = new Epochs('a', () => nowMs);
    nowMs = 1_000;
    log = [];
    outages = [];
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

  it('excuses resets to a stream that came after another one, and all while nobody can say which it will be', async () => {
    await consequences().replacing((resume) => {
      resume();
      nowMs = 1_500;
      assert.equal(isExpected(reset(1_200, 'x')), true);
      return Promise.resolve('empty');
    });
    assert.equal(isExpected(reset(999, 'a')), false);
    assert.equal(isExpected(reset(1_000, 'a')), true);
    assert.equal(isExpected(reset(1_600, 'a')), false);
    assert.equal(isExpected(reset(9_000)), true);
    assert.equal(isExpected(gap(3, 2_000)), false);
  });

  it('excuses no reset once a stream was restored under its own name', async () => {
    await consequences('a').replacing(() => Promise.resolve('restored'));
    assert.equal(isExpected(reset(1_001, 'a')), false);
  });

  it('takes a stream away when nothing is being published, and lets that go on whatever happens', async () => {
    const replaced = consequences().replacing((resume) => {
      log.push('replaced');
      resume();
      return Promise.reject(new Error('it does not come back'));
    });
    await assert.rejects(replaced, /does not come back/);
    assert.deepEqual(log.slice(0, 3), ['paused', 'replaced', 'resumed']);
  });

  it('counts an acknowledgement for the stream that the message was surely stored in', async () => {
    const before = epochs.stamp();
    assert.equal(epochs.epochOf(before), 'a');
    let during = before;
    await consequences().replacing(() => {
      during = epochs.stamp();
      assert.equal(epochs.epochOf(before), undefined);
      return Promise.resolve('empty');
    });
    assert.equal(epochs.epochOf(before), undefined);
    assert.equal(epochs.epochOf(during), undefined);
    assert.equal(epochs.epochOf(epochs.stamp()), 'b');
    assert.deepEqual(epochs.namesOf('b'), ['b']);
  });

  it('knows in which stream a message is that was published and acknowledged in a span of time', async () => {
    const during = (fromMs: number, toMs: number): unknown => epochs.during({ fromMs, toMs });
    await consequences().replacing(() => {
      assert.equal(during(900, 1_000), 'a');
      nowMs = 1_500;
      assert.equal(during(1_100, 1_200), undefined, 'nobody knows yet which one it will be');
      return Promise.resolve('empty');
    });
    assert.equal(during(900, 1_000), 'a', 'however late that is asked');
    assert.deepEqual(
      [during(999, 1_001), during(1_100, 1_200), during(1_400, 1_600)],
      Array(3).fill(undefined),
    );
    assert.equal(during(1_500, 1_600), 'b');
  });

  it('knows a restored stream by all its names', async () => {
    await consequences('b').replacing(() => Promise.resolve('restored'));
    await consequences('c').replacing(() => Promise.resolve('restored'));
    assert.equal(epochs.epochOf(epochs.stamp()), 'a');
    assert.equal(epochs.firstNameOf('c'), 'a');
    assert.deepEqual(epochs.namesOf('b'), ['a', 'b', 'c']);
    await consequences('d').replacing(() => Promise.resolve('empty'));
    assert.equal(epochs.epochOf(epochs.stamp()), 'd');
  });

  it('knows what a restored stream calls itself, unless it was asked for before another came', async () => {
    assert.equal(epochs.calls('x', epochs.stamp()), false);
    await consequences('a').replacing(() => Promise.resolve('restored'));
    const before = epochs.stamp();
    assert.equal(epochs.calls('a', before), false);
    assert.equal(epochs.calls('x', before), true);
    assert.equal(epochs.calls('x', epochs.stamp()), false);
    assert.deepEqual([...epochs.firstNames], [['x', 'a']]);
    await consequences('b').replacing(() => {
      assert.equal(epochs.calls('y', before), false);
      return Promise.resolve('empty');
    });
    assert.equal(epochs.calls('y', before), false);
    assert.equal(epochs.calls('y', epochs.stamp()), false);
    assert.equal(epochs.firstNameOf('y'), 'y');
  });

  it('records what was impossible, and when', async () => {
    const outage = { causes: ['STORAGE_FULL'], blind: false, unstorable: true };
    await consequences().lasting(outage, () => {
      nowMs = 1_500;
      return Promise.resolve();
    });
    assert.deepEqual(outages, [{ ...outage, fromMs: 1_000, toMs: 1_500 }]);
  });
});
