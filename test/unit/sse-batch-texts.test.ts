import assert from 'node:assert/strict';
import type { BatchInput } from '../../protos/gen/live/v1/Batch.ts';
import type { Message, MessageInput } from '../../protos/gen/live/v1/Message.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { BatchTexts, decodePrefixed } from '../../server/transport/sse/batch-texts.ts';

function batchOf(reliable: readonly MessageInput[], rest: Omit<BatchInput, 'reliable'> = {}): Buffer {
  return prefixedFrame(encodeServerFrame({ batch: { room: 'r', reliable: [...reliable], ...rest } }));
}

function messageOf(seq: number, payload = 'x'): MessageInput {
  return { seq, prevSeq: seq - 1, fingerprint: 7, payload: Buffer.from(payload) };
}

const frameOf = (seq: number, payload?: string): Buffer => batchOf([messageOf(seq, payload)]);

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

  it('hold each message as it is alone, whichever others come with it', () => {
    const texts = new BatchTexts();
    const [first, second] = [frameOf(1, 'first'), frameOf(2, 'second')].map((frame) =>
      make(texts, frame).toString(),
    );
    const both = batchOf([messageOf(1, 'first'), messageOf(2, 'second')], { audience: 3 });
    assert.equal(make(texts, both).toString(), `${first}${second}event: audience\ndata: {"audience":3}\n\n`);
  });

  it('make the text of a message once, whichever frames it comes in', () => {
    const texts = new BatchTexts();
    const frames = [batchOf([messageOf(1), messageOf(2)]), batchOf([messageOf(2), messageOf(3)])];
    let made = 0;
    for (const frame of frames) {
      const batch = decodePrefixed(frame).batch ?? assert.fail();
      const counted = batch.reliable.map(
        (message) =>
          new Proxy(message, {
            get(target, name: keyof Message) {
              if (name === 'payload') made++;
              return target[name];
            },
          }),
      );
      texts.make(frame, { ...batch, reliable: counted }, 'e');
    }
    assert.equal(made, 3);
  });

  it('tell messages apart that differ in what is told of them', () => {
    const texts = new BatchTexts();
    const message = messageOf(5);
    const others: MessageInput[] = [
      { ...message, prevSeq: 3 },
      { ...message, fingerprint: 8 },
      { ...message, timeMs: 1_000 },
      { ...message, payload: Buffer.alloc(0), omittedBytes: 1 },
    ];
    const made = [message, ...others].map((other) => make(texts, batchOf([other])).toString());
    assert.equal(new Set(made).size, made.length);
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
