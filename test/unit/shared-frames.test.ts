import assert from 'node:assert/strict';
import { encodeFrame } from '../../server/session/encode-frame.ts';
import { SharedFrames } from '../../server/session/shared-frames.ts';

describe('Isolated: frames for many', () => {
  const frames = new SharedFrames();
  const caughtUp = (seq: number, room = 'r') => ({ caughtUp: { room, cursor: { epoch: 'LIVE@1', seq } } });

  it('are encoded once', () => {
    assert.equal(frames.of(caughtUp(1)), frames.of(caughtUp(1)));
  });

  it('are what they would be for one, whatever was sent before', () => {
    for (const frame of [caughtUp(1), caughtUp(2), caughtUp(2, 's'), { joined: { room: 's' } }, caughtUp(1)])
      assert.deepEqual(frames.of(frame), encodeFrame(frame));
  });

  it('are not all remembered', () => {
    const first = frames.of(caughtUp(1));
    for (let seq = 2; seq < 2_000; seq++) frames.of(caughtUp(seq));
    assert.notEqual(frames.of(caughtUp(1)), first);
    frames.forget();
    assert.deepEqual(frames.of(caughtUp(1)), first);
  });
});
