import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PayloadPath } from '../../protos/beside-payload.ts';
import {
  MAX_BESIDE_PAYLOAD_BYTES,
  NO_PAYLOAD,
  PAYLOAD_OF_FRAME,
  PAYLOAD_OF_REQUEST,
  requireSmallBesidePayload,
} from '../../protos/beside-payload.ts';
import { decodeClientFrame, liveService } from '../../protos/live.ts';
import { runs } from '../helpers/property.ts';

const request = fc.record({
  room: fc.string(),
  type: fc.string(),
  sender: fc.string(),
  key: fc.string({ maxLength: 40_000 }),
  payload: fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.alloc(some.length * 1_000, 1)),
  headers: fc.dictionary(fc.string(), fc.string({ maxLength: 9_000 }), { maxKeys: 9 }),
  timeoutMs: fc.nat(),
});

const isRefused = (bytes: Buffer, path: PayloadPath): boolean => {
  try {
    requireSmallBesidePayload(bytes, path);
    return false;
  } catch (error) {
    assert.ok(error instanceof RangeError);
    return true;
  }
};

/** Bytes of the payload; Infinity where nothing can be decoded, which is told by others. */
const payloadOf = (bytes: Buffer): number => {
  try {
    return decodeClientFrame(bytes).publish?.request?.payload.length ?? 0;
  } catch {
    return Infinity;
  }
};

/** `count` times a field of a few bytes. */
const fields = (count: number, ...bytes: number[]): Buffer =>
  Buffer.alloc(count * bytes.length, Buffer.from(bytes));
const holding = (field: number, body: Buffer): Buffer => {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), body]);
};

describe('Isolated: what a frame has beside its payload', () => {
  it('is bounded, and nothing else is refused', () => {
    fc.assert(
      fc.property(request, (message) => {
        const alone = liveService.Publish.requestSerialize(message);
        const framed = liveService.Connect.requestSerialize({ publish: { requestId: 1, request: message } });
        for (const [bytes, path] of [
          [alone, PAYLOAD_OF_REQUEST],
          [framed, PAYLOAD_OF_FRAME],
        ] as const)
          assert.equal(
            isRefused(bytes, path),
            bytes.length - message.payload.length > MAX_BESIDE_PAYLOAD_BYTES,
          );
      }),
      runs(300),
    );
  });

  it('lets nothing by that has more, whatever the bytes are', () => {
    const path = fc.constantFrom(PAYLOAD_OF_FRAME, NO_PAYLOAD);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), path, (some, path) => {
        const large = Buffer.concat([Buffer.from(some), Buffer.alloc(MAX_BESIDE_PAYLOAD_BYTES + 1)]);
        assert.equal(isRefused(Buffer.from(some), path), false);
        if (!isRefused(large, path)) assert.ok(payloadOf(large) >= large.length - MAX_BESIDE_PAYLOAD_BYTES);
      }),
      runs(1_000),
    );
  });

  it('cannot be hidden: not in many small fields, nor behind a payload, nor in another one', () => {
    const count = 40_000;
    const hidden = {
      'features of Hello': holding(1, holding(2, Buffer.alloc(4_000_000, 1))),
      'features one by one': holding(1, fields(count, 2 << 3, 1)),
      headers: holding(5, holding(2, fields(count, (7 << 3) | 2, 0))),
      'fields that nobody knows': fields(count, 15 << 3, 1),
      'many a Hello': fields(count, (1 << 3) | 2, 0),
      'many payloads': holding(5, holding(2, fields(count, (5 << 3) | 2, 0))),
      'behind a payload': holding(
        5,
        Buffer.concat([holding(2, holding(5, Buffer.alloc(70_000))), fields(count, (2 << 3) | 2, 0)]),
      ),
      'groups in groups': fields(2 * count, (5 << 3) | 3),
      'a length that is not there': Buffer.concat([
        Buffer.from([42, 255, 255, 255, 127]),
        fields(count, 8, 1),
      ]),
    };
    for (const [what, bytes] of Object.entries(hidden)) assert.ok(isRefused(bytes, PAYLOAD_OF_FRAME), what);
  });
});
