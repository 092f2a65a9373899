import assert from 'node:assert/strict';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { FramedMessages, PIECE_BYTES } from '../../server/transport/websocket/framed-messages.ts';
import { closeFrame, MAX_CONTROL_BYTES } from '../../server/transport/websocket/frames.ts';

describe('frames of WebSocket', () => {
  it('that say why it ends are cut where they are too long, never in the midst of a character', () => {
    for (const before of ['', 'x', 'xx', 'xxx']) {
      const frame = closeFrame(4000, before + '\u{1f339}'.repeat(40));
      const [, length = 0] = frame;
      assert.equal(frame.length, 2 + length);
      assert.ok(length > MAX_CONTROL_BYTES - 4 && length <= MAX_CONTROL_BYTES, `${length}`);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(4));
      assert.match(text, new RegExp(`^${before}\u{1f339}+$`, 'u'));
    }
  });

  it('are made once of what goes to many, large or small', () => {
    const framed = new FramedMessages();
    for (const length of [10, 3 * PIECE_BYTES]) {
      const frame = prefixedFrame(Buffer.alloc(length));
      assert.equal(framed.of(frame), framed.of(frame));
    }
  });
});
