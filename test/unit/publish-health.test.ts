import assert from 'node:assert/strict';
import type { PublishOutcome, Refusal } from '../../server/upstream/publish-target.ts';
import { PublishHealth } from '../../server/nats/publish/publish-health.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/settle.ts';

const message = { subject: 'live.room.tea', payload: Buffer.alloc(100) };
const stored: PublishOutcome = { kind: 'stored', seq: 1, duplicate: false };
const silent: PublishOutcome = { kind: 'unknown', detail: 'no acknowledgement' };
const refused = (refusal: Refusal): PublishOutcome => ({ kind: 'refused', refusal, detail: refusal });

describe('whether publishes can be stored', () => {
  let clock: ManualClock;
  let causes: string[];
  let health: PublishHealth;
  let probes: { up: boolean; reached: boolean; permitted: boolean; full: boolean; last: number };

  beforeEach(() => {
    clock = new ManualClock();
    causes = [];
    probes = { up: true, reached: true, permitted: true, full: false, last: 7 };
    health = new PublishHealth(
      {
        raise: (cause) => (causes = [...new Set([...causes, cause])]),
        clear: (cause) => (causes = causes.filter((held) => held !== cause)),
      },
      {
        get up() {
          return probes.up;
        },
        reaches: async () => probes.reached,
        isPermitted: async () => probes.permitted,
        isFull: async () => probes.full,
        lastSeq: async () => probes.last,
      },
      clock,
    );
  });

  afterEach(() => {
    health.close();
    assert.equal(clock.pending, 0, 'timers left behind');
  });

  const observe = (outcome: PublishOutcome, ageMs = 0): void =>
    health.observe(outcome, message, clock.monotonicMs() - ageMs);

  /** Lets so many looks happen. */
  async function looks(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      clock.advance(2_000);
      await settle();
    }
  }

  it('a failure or two while the stream gets another leader are no outage', () => {
    observe(refused('unready'));
    clock.advance(1_999);
    observe(refused('unready'));
    assert.deepEqual(causes, []);
    observe(stored);
    clock.advance(1_999);
    observe(refused('unready'));
    assert.deepEqual(causes, []);
  });

  it('nothing but failures for two seconds are', async () => {
    observe(refused('unready'));
    clock.advance(2_000);
    observe(refused('unready'));
    assert.deepEqual(causes, ['PUBLISHES_FAILING']);
    probes.reached = false;
    await looks(100);
    assert.deepEqual(causes, ['PUBLISHES_FAILING'], 'as long as nothing is reached');
    probes.reached = true;
    await looks(1);
    assert.deepEqual(causes, []);
  });

  it('a message that was not acknowledged counts from when it was sent, unless another was stored meanwhile', () => {
    observe(stored);
    clock.advance(1_000);
    observe(silent, 2_000);
    assert.deepEqual(causes, []);
    clock.advance(1_000);
    observe(silent, 2_000);
    assert.deepEqual(causes, ['PUBLISHES_FAILING']);
  });

  it('silence of a stream that can be reached is over when it grows', async () => {
    observe(silent, 2_000);
    await looks(3);
    assert.deepEqual(causes, ['PUBLISHES_FAILING']);
    probes.last += 1;
    await looks(1);
    assert.deepEqual(causes, []);
  });

  it('what nothing shows any more is not told for ever', async () => {
    observe(silent, 2_000);
    observe(refused('full'));
    await looks(14);
    assert.deepEqual(causes, ['PUBLISHES_FAILING', 'STORAGE_FULL']);
    await looks(1);
    assert.deepEqual(causes, []);
  });

  it('no space is told at once, and as long as it can be seen', async () => {
    probes.full = true;
    observe(refused('full'));
    assert.deepEqual(causes, ['STORAGE_FULL']);
    await looks(100);
    assert.deepEqual(causes, ['STORAGE_FULL']);
    probes.full = false;
    await looks(1);
    assert.deepEqual(causes, []);
  });

  it('while some messages fit and others do not, it is told throughout', async () => {
    for (let ms = 0; ms < 20_000; ms += 500) {
      observe(refused('full'));
      clock.advance(250);
      observe(stored);
      clock.advance(250);
      await settle();
      assert.deepEqual(causes, ['STORAGE_FULL']);
    }
    observe(stored);
    await looks(2);
    assert.deepEqual(causes, []);
  });

  it('one room that may not be published to says nothing of the others', async () => {
    observe(refused('forbidden'));
    await settle();
    assert.deepEqual(causes, []);
  });

  it('no permission for any room is told until there is one', async () => {
    probes.permitted = false;
    observe(refused('forbidden'));
    await settle();
    assert.deepEqual(causes, ['PUBLISHES_FAILING']);
    await looks(100);
    assert.deepEqual(causes, ['PUBLISHES_FAILING']);
    probes.permitted = true;
    await looks(1);
    assert.deepEqual(causes, []);
  });

  it('what belongs to one message, or to the connection, is no outage', () => {
    for (let n = 0; n < 5; n++) {
      observe(refused('rejected'));
      observe(refused('away'));
      probes.up = false;
      observe(silent, 2_000);
      probes.up = true;
      clock.advance(2_000);
    }
    assert.deepEqual(causes, []);
  });
});
