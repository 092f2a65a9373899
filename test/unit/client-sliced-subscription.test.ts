import assert from 'node:assert/strict';
import { SlicedSubscription } from '../../client/browser/sliced-subscription.ts';
import { LiveError } from '../../client/core/errors.ts';
import type { RoomEvent } from '../../client/core/index.ts';
import { Subscription } from '../../client/core/subscription.ts';
import { settle } from '../helpers/settle.ts';
import { status } from '../../protos/status-codes.ts';

const event = (seq: number): RoomEvent => ({
  kind: 'caught-up',
  room: 'tea',
  cursor: { epoch: 'LIVE@1', seq: BigInt(seq), fingerprint: seq },
});

describe('Reliable: events that are given out in slices', () => {
  let handled: bigint[];
  let failure: LiveError | undefined;
  let left: number;
  /** Until a later task. */
  let pause: Promise<void> | undefined;
  let whole: Subscription;
  let room: SlicedSubscription;
  /** Begins it. */
  let begin: () => void;

  beforeEach(() => {
    [handled, failure, left, pause] = [[], undefined, 0, undefined];
    whole = new Subscription('tea', 'continue', {
      taken: () => undefined,
      handled: ({ seq }) => {
        if (failure !== undefined) throw failure;
        handled.push(seq);
      },
      left: () => (left += 1),
    });
    room = new SlicedSubscription(whole, {
      get pause() {
        return pause;
      },
    });
  });

  /** One that has given out an event, and has the next ones for a later task. */
  async function atEndOfSlice(): Promise<AsyncIterator<RoomEvent, undefined>> {
    for (const seq of [1, 2, 3]) whole.push(event(seq));
    const iterator = room[Symbol.asyncIterator]();
    await iterator.next();
    pause = new Promise((resolve) => (begin = resolve));
    return iterator;
  }

  it('come in a later task, in order and each once', async () => {
    const iterator = await atEndOfSlice();
    let isGiven = false;
    const next = iterator.next();
    void next.then(() => (isGiven = true));
    await settle();
    assert.equal(isGiven, false);
    begin();
    assert.deepEqual(await next, { done: false, value: event(2) });
    assert.deepEqual(await iterator.next(), { done: false, value: event(3) });
  });

  it('are handled when the next one is asked for, also where that comes in a later task', async () => {
    const iterator = await atEndOfSlice();
    const next = iterator.next();
    assert.deepEqual(handled, [1n]);
    assert.equal(room.cursor?.seq, 1n);
    begin();
    assert.deepEqual(await next, { done: false, value: event(2) });
  });

  it('are left where it cannot be kept that one was handled', async () => {
    const iterator = await atEndOfSlice();
    failure = new LiveError(status.UNAVAILABLE, 'there is no room');
    await assert.rejects(iterator.next(), failure);
    assert.equal(left, 1);
  });

  it('end for who waits for a later task when the room is left', async () => {
    const iterator = await atEndOfSlice();
    const next = iterator.next();
    await iterator.return?.();
    begin();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  it('end with an error for who waits for a later task when there is one', async () => {
    const iterator = await atEndOfSlice();
    const next = iterator.next();
    const reason = new Error('the page has something else to do');
    whole.discard(reason);
    begin();
    await assert.rejects(next, reason);
  });

  it('wait for one reader, who is told', async () => {
    const iterator = room[Symbol.asyncIterator]();
    const next = iterator.next();
    await assert.rejects(iterator.next(), { code: status.FAILED_PRECONDITION });
    whole.push(event(1));
    assert.deepEqual(await next, { done: false, value: event(1) });
    assert.throws(() => room[Symbol.asyncIterator](), { code: status.FAILED_PRECONDITION });
  });
});
