import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import fc from 'fast-check';
import { NO_PAYLOAD } from '../../protos/beside-payload.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { MAX_REQUEST_BYTES } from '../../server/log/sizes.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { MessageDecoder } from '../../server/transport/grpc/message-decoder.ts';
import { Receiving } from '../../server/transport/connections/receiving.ts';
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
    const origin = { address: 'host', name: 'host:1' };
    return MessageDecoder.replace(
      call as unknown as ServerInterceptingCallInterface,
      'stream',
      NO_PAYLOAD,
      receiving,
      origin,
    );
  }

  it('are what was sent, and nothing is counted between two of them', () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(2_000), fc.nat(60_000)), { maxLength: 8 });
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
          // Mostly all of it is asked for before more comes.
          const asked = turn % 5 < 4 || at >= bytes.length;
          for (let message = asked ? subject.next() : undefined; message; message = subject.next())
            got.push(message);
          assert.ok(receiving.bytes <= 1_024 + 2 * bytes.length);
        }
        assert.deepEqual(got, sent);
        assert.equal(receiving.bytes, 0);
      }),
      runs(200),
    );
  });

  it('never take more together than may be, nor do those of a connection or an address, whoever comes with how much', () => {
    const bytes = 64 * 1_024;
    const sessions = Array.from({ length: 8 }, (_, n) => ({ socket: { remoteAddress: `host ${n % 3}` } }));
    // One connection has many calls that hold little each, the others have one each.
    const part = fc.oneof(
      fc.record({ call: fc.integer({ min: 8, max: 79 }), size: fc.nat(400) }),
      fc.record({ call: fc.nat(7), size: fc.nat(9_000) }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 100, maxLength: 300 }), (parts) => {
        const all = new Receiving(
          new ManualClock(),
          { bytes, timeoutMs: 1_000 },
          new Refusals(createLogger('silent')),
        );
        const calls = Array.from({ length: 80 }, (_, n) => {
          const session = sessions[n < 8 ? n : 0]!;
          const stream = Object.assign(new PassThrough(), { session });
          const call = {
            stream,
            decoder: { write: () => [] },
            getPeer: () => 'somebody',
            sendStatus: () => undefined,
          };
          const subject = MessageDecoder.replace(
            call as unknown as ServerInterceptingCallInterface,
            'stream',
            NO_PAYLOAD,
            all,
            { address: session.socket.remoteAddress, name: 'somebody' },
          );
          return { subject, session };
        });
        const held = (of: (session: (typeof sessions)[number]) => boolean): number =>
          calls.reduce((sum, { subject, session }) => sum + (of(session) ? subject.held : 0), 0);
        const head = grpcMessage(Buffer.alloc(0));
        head.writeUInt32BE(MAX_REQUEST_BYTES, 1);
        for (const { call, size } of parts) {
          const { subject } = calls[call]!;
          subject.write(subject.held === 0 ? head : Buffer.alloc(size));
          assert.equal(
            all.bytes,
            held(() => true),
          );
          assert.ok(all.bytes <= bytes, `${all.bytes} in all`);
          for (const session of sessions) {
            const { remoteAddress } = session.socket;
            assert.ok(held((other) => other === session) <= bytes / 4, 'a connection');
            assert.ok(
              held((other) => other.socket.remoteAddress === remoteAddress) <= bytes / 2,
              'an address',
            );
          }
        }
        all.close();
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
