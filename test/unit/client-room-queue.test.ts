import assert from 'node:assert/strict';
import { RoomQueue } from '../../client/core/room-queue.ts';

describe('client room queue', () => {
  let taken = 0;
  let queue: RoomQueue<number>;

  beforeEach(() => {
    taken = 0;
    queue = new RoomQueue((bytes) => (taken += bytes));
  });

  it('gives out in order, whoever comes first', async () => {
    const waiting = queue.next();
    queue.push(1);
    queue.push(2);
    assert.deepEqual(await waiting, { done: false, value: 1 });
    assert.deepEqual(await queue.next(), { done: false, value: 2 });
  });

  it('tells what is taken from it, when it is taken', async () => {
    queue.push(1, 60);
    queue.push(2);
    queue.push(3, 40);
    assert.equal(queue.bytes, 100);
    for (const expected of [60, 60, 100]) {
      await queue.next();
      assert.equal(taken, expected);
    }
    const waiting = queue.next();
    queue.push(4, 5);
    await waiting;
    assert.deepEqual([taken, queue.bytes], [105, 0]);
  });

  it('gives out what waits before it ends with an error, once', async () => {
    queue.push(1);
    queue.end(new Error('over'));
    queue.push(2);
    assert.deepEqual(await queue.next(), { done: false, value: 1 });
    await assert.rejects(queue.next(), { message: 'over' });
    assert.deepEqual(await queue.next(), { done: true, value: undefined });
  });

  it('ends a call that waits', async () => {
    const waiting = queue.next();
    queue.end();
    assert.deepEqual(await waiting, { done: true, value: undefined });
  });

  it('keeps order over many events', async () => {
    for (let value = 0; value < 5_000; value += 1) queue.push(value);
    for (let value = 0; value < 5_000; value += 1) {
      const next = await queue.next();
      assert.equal(next.value, value);
      if (value % 3 === 0) queue.push(5_000 + value / 3);
    }
    assert.equal((await queue.next()).value, 5_000);
  });
});
