import assert from 'node:assert/strict';
import { History } from '../../server/room/history.ts';
import type { HistoryPage } from '../../server/log/history-page.ts';
import type { HistoryRead } from '../../server/log/evidence.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { settle } from '../helpers/settle.ts';

/** A history whose reads are answered by hand. */
class HandAnswered {
  readonly clock = new ManualClock();
  readonly asked: number[] = [];
  readonly pages: HistoryPage[] = [];
  readonly history: History;
  readonly #open: { resolve: (read: HistoryRead) => void; reject: (error: Error) => void; from: number }[] =
    [];

  constructor() {
    this.history = new History(
      'r',
      (from) =>
        new Promise((resolve, reject) => {
          this.asked.push(from);
          this.#open.push({ resolve, reject, from });
        }),
      this.clock,
      (page) => this.pages.push(page),
    );
  }

  async answer(upto: number): Promise<void> {
    const { resolve, from } = this.#open.shift()!;
    resolve({
      epoch: 'A',
      predated: false,
      from,
      messages: [],
      upto,
      lastSeq: upto,
      firstSeq: 1,
      fromHeldElsewhere: false,
    });
    await settle();
  }

  async fail(): Promise<void> {
    this.#open.shift()!.reject(new Error('NATS is away'));
    await settle();
  }
}

const anyPage = (): boolean => true;

describe('core: history', () => {
  it('has one read under way; whoever does not find what it wants in the page asks again', async () => {
    const hand = new HandAnswered();
    for (const from of [10, 7, 5, 12]) hand.history.want(from);
    assert.deepEqual(hand.asked, [10]);
    await hand.answer(20);
    assert.deepEqual(hand.asked, [10]);
    for (const from of [5, 7]) hand.history.want(from);
    await hand.answer(9);
    assert.deepEqual(hand.asked, [10, 5]);
    assert.deepEqual(
      hand.pages.map(({ from, upto }) => [from, upto]),
      [
        [10, 20],
        [5, 9],
      ],
    );
  });

  it('keeps a number of pages, whatever they hold: those that were used last', async () => {
    const hand = new HandAnswered();
    for (let from = 1; from <= 64; from++) {
      hand.history.want(from);
      await hand.answer(from + 1);
    }
    assert.ok(
      hand.history.find(({ from }) => from === 1),
      'used once more',
    );
    hand.history.want(65);
    await hand.answer(66);
    assert.equal(
      hand.history.find(({ from }) => from === 2),
      undefined,
    );
    for (const kept of [1, 3, 65]) assert.ok(hand.history.find(({ from }) => from === kept));
  });

  it('reads the page behind one ahead once, and not what it has', async () => {
    const hand = new HandAnswered();
    hand.history.want(1);
    await hand.answer(10);
    const [page] = hand.pages as [HistoryPage];
    for (let frame = 0; frame < 3; frame++) hand.history.readAhead(page);
    assert.deepEqual(hand.asked, [1, 10]);
    await hand.answer(20);
    hand.history.readAhead(page);
    hand.history.want(1);
    await hand.answer(10);
    hand.history.readAhead(hand.pages.at(-1) as HistoryPage);
    assert.deepEqual(hand.asked, [1, 10, 1]);
  });

  it('asks again after a failure, later and later, for the lowest that was wanted', async () => {
    const hand = new HandAnswered();
    hand.history.want(10);
    const delays: number[] = [];
    for (let attempt = 1; attempt < 10; attempt++) {
      await hand.fail();
      assert.equal(hand.asked.length, attempt);
      if (attempt === 1) hand.history.want(4);
      assert.equal(hand.asked.length, attempt, 'asked before its time');
      const before = hand.clock.monotonicMs();
      while (hand.asked.length === attempt) hand.clock.advance(50);
      delays.push(hand.clock.monotonicMs() - before);
    }
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    assert.deepEqual(new Set(hand.asked.slice(1)), new Set([4]));
    await hand.answer(20);
    assert.equal(hand.clock.pending, 0);
    hand.history.want(20);
    await hand.fail();
    hand.clock.advance(100);
    assert.deepEqual(hand.asked.at(-1), 20, 'a success makes the next delay short again');
  });

  it('asks again after a page that takes nobody further, later and later', async () => {
    const hand = new HandAnswered();
    hand.history.want(10);
    for (let attempt = 1, delay = 100; attempt < 5; attempt++, delay *= 2) {
      await hand.answer(10);
      assert.equal(hand.pages.length, attempt, 'who was waiting may be judged by it');
      hand.history.want(10);
      hand.clock.advance(delay - 1);
      assert.equal(hand.asked.length, attempt, 'asked before its time');
      hand.clock.advance(1);
      assert.equal(hand.asked.length, attempt + 1);
    }
    await hand.answer(20);
    hand.history.want(20);
    assert.deepEqual(hand.asked.at(-1), 20, 'progress makes the next read immediate again');
  });

  it('forgets everything on demand, the answer to a question of before included', async () => {
    const hand = new HandAnswered();
    hand.history.want(1);
    await hand.answer(5);
    hand.history.want(5);
    hand.history.clear();
    await hand.answer(9);
    assert.equal(hand.pages.length, 1);
    assert.equal(hand.history.find(anyPage), undefined);
    assert.equal(hand.history.memory, 0);
    hand.history.want(3);
    assert.deepEqual(hand.asked, [1, 5, 3]);
  });

  it('forgetting ends the wait after a failure, too', async () => {
    const hand = new HandAnswered();
    hand.history.want(1);
    await hand.fail();
    hand.history.clear();
    assert.equal(hand.clock.pending, 0);
    hand.history.want(2);
    assert.deepEqual(hand.asked, [1, 2]);
  });

  it('lets go of the page that was not used for the longest time', async () => {
    const hand = new HandAnswered();
    for (const from of [1, 10, 20]) {
      hand.history.want(from);
      await hand.answer(from + 5);
    }
    assert.ok(hand.history.find(({ from }) => from === 1));
    assert.ok(hand.history.evictOldest());
    assert.equal(
      hand.history.find(({ from }) => from === 10),
      undefined,
    );
    assert.ok(hand.history.find(({ from }) => from === 1));
    assert.ok(hand.history.evictOldest());
    assert.ok(hand.history.evictOldest());
    assert.equal(hand.history.evictOldest(), false);
  });
});
