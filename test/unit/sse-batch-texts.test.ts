import assert from 'node:assert/strict';
import { encodeServerFrame } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { BatchTexts, decodePrefixed } from '../../server/transport/sse/batch-texts.ts';

function frameOf(seq: number, payload = 'x'): Buffer {
  const message = { seq, fingerprint: 7, payload: Buffer.from(payload) };
  return prefixedFrame(encodeServerFrame({ batch: { room: 'r', reliable: [message] } }));
}

describe('the texts of batches', () => {
  const make = (texts: BatchTexts, frame: Buffer, epoch = 'e'): Buffer =>
    texts.make(frame, decodePrefixed(frame).batch ?? assert.fail(), epoch);

  it('are made once for all viewers of a frame', () => {
    const texts = new BatchTexts();
    const frame = frameOf(1);
    assert.equal(texts.get(frame, 'e'), undefined);
    const made = make(texts, frame);
    assert.equal(texts.get(frame, 'e'), made, 'the same bytes');
    assert.match(made.toString(), /^id: \S+\nevent: message\ndata: {"seq":1,.*}\n\n$/);
  });

  it('are others where cursors are of another stream', () => {
    const texts = new BatchTexts();
    const frame = frameOf(1);
    const made = make(texts, frame);
    assert.equal(texts.get(frame, 'other'), undefined);
    assert.notDeepEqual(make(texts, frame, 'other'), made);
  });

  it('are kept up to a bound, the newest', () => {
    const texts = new BatchTexts(10_000);
    const frames = Array.from({ length: 20 }, (_, index) => frameOf(index + 1, 'x'.repeat(1_000)));
    for (const frame of frames) make(texts, frame);
    const kept = frames.map((frame) => texts.get(frame, 'e') !== undefined);
    assert.equal(kept.lastIndexOf(false), 15);
    assert.deepEqual(kept.slice(16), [true, true, true, true]);
    const large = frameOf(99, 'x'.repeat(20_000));
    assert.ok(make(texts, large).length > 20_000);
    assert.equal(texts.get(large, 'e'), undefined, 'one that is larger than that alone is not kept');
  });
});
