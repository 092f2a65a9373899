import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import fc from 'fast-check';
import { createLogger } from '../../server/observability/logging.ts';
import { MAX_REQUEST_BYTES } from '../../server/log/sizes.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { MessageDecoder } from '../../server/transport/grpc/message-decoder.ts';
import { Receiving } from '../../server/transport/grpc/receiving.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { runs } from '../helpers/property.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

describe('messages of gRPC, in whatever parts they come', () => {
  const receiving = new Receiving(
    new ManualClock(),
    { bytes: 64 * 2 ** 20, timeoutMs: 1_000 },
    new Refusals(createLogger('silent')),
  );
  after(() => receiving.close());

  function decoder(): MessageDecoder {
    const call = { stream: new PassThrough(), decoder: { write: () => [] } };
    return MessageDecoder.replace(call as unknown as ServerInterceptingCallInterface, 'stream', receiving);
  }

  it('are what was sent, and nothing is counted between two of them', () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(2_000), fc.nat(70_000)), { maxLength: 8 });
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 16_384 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(sizes, cuts, (lengths, parts) => {
        const sent = lengths.map((length, index) => grpcMessage(Buffer.alloc(length, 65 + index)));
        const bytes = Buffer.concat(sent);
        const subject = decoder();
        const got: Buffer[] = [];
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const part = parts[turn % parts.length] as number;
          // Whoever gives the bytes may use their memory again.
          const given = Buffer.from(bytes.subarray(at, at + part));
          got.push(...subject.write(given));
          given.fill(0);
          at += part;
          assert.ok(receiving.bytes <= 1_024 + 2 * bytes.length);
        }
        assert.deepEqual(got, sent);
        assert.equal(receiving.bytes, 0);
      }),
      runs(200),
    );
  });

  it('are refused by their length, before they have come', () => {
    const subject = decoder();
    const head = grpcMessage(Buffer.alloc(0));
    head.writeUInt32BE(MAX_REQUEST_BYTES + 1, 1);
    assert.deepEqual(subject.write(head.subarray(0, 4)), []);
    assert.throws(() => subject.write(head.subarray(4)), /larger than/);
    assert.equal(receiving.bytes, 0);
    assert.deepEqual(subject.write(grpcMessage(Buffer.alloc(3))), []);
  });
});
