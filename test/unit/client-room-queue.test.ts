import assert from 'node:assert/strict';
import { RoomQueue } from '../../client/room-queue.ts';

describe('client room queue', () => {
  let drained = 0;
  let queue: RoomQueue<number>;

  beforeEach(() => {
    drained = 0;
    queue = new RoomQueue({ events: 4, bytes: 100 }, () => (drained += 1));
  });

  it('gives out in order, whoever comes first', async () => {
    const waiting = queue.next();
    queue.push(1);
    queue.push(2);
    assert.deepEqual(await waiting, { done: false, value: 1 });
    assert.deepEqual(await queue.next(), { done: false, value: 2 });
  });

  it('tells once that it is full, and once that half of it is left', async () => {
    const told = [1, 2, 3, 4, 5].map((value) => queue.push(value));
    assert.deepEqual(told, [false, false, false, true, false]);
    await queue.next();
    await queue.next();
    assert.equal(drained, 0);
    await queue.next();
    assert.equal(drained, 1);
    assert.equal(queue.full, false);
  });

  it('is full by bytes too', async () => {
    assert.equal(queue.push(1, 99), false);
    assert.equal(queue.push(2, 1), true);
    await queue.next();
    assert.equal(queue.full, false);
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
