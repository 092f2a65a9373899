import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Batch } from '../../protos/gen/live/v1/Batch.ts';
import { liveService } from '../../protos/live.ts';
import type { Entry } from '../../server/log/entry-codec.ts';
import {
  batchFrame,
  ephemeralEntry,
  entryTimeMs,
  reliableEntry,
  varintSize,
  writeVarint,
} from '../../server/log/entry-codec.ts';
import { bareFrame, PREFIX_BYTES } from '../../server/log/frame-prefix.ts';
import { fingerprint } from '../../server/log/fingerprint.ts';
import type { EphemeralMessage, MessageContent, StoredMessage } from '../../server/log/message.ts';
import { runs } from '../helpers/property.ts';

const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 53 - 1];
const unsigned = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat());
const text = fc.string({ unit: 'binary', maxLength: 40 });
const headers = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), text), { maxLength: 4 });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.nat({ max: 70_000 }).map((length) => new Uint8Array(length).fill(length)),
);

const content: fc.Arbitrary<MessageContent> = fc.record({
  id: text,
  type: text,
  sender: text,
  payload,
  // protobufjs keeps maps in plain objects: a name cannot be there twice, nor be `__proto__`.
  headers: headers.map((pairs) => [...new Map(pairs.filter(([name]) => name !== '__proto__'))]),
});
const stored: fc.Arbitrary<StoredMessage> = fc.record({
  seq: unsigned,
  fingerprint: fc.integer({ min: 1, max: 0xffffffff }),
  content,
  timeMs: unsigned,
});
const ephemeral: fc.Arbitrary<EphemeralMessage> = fc.record({ content, timeMs: unsigned });

function encode(entries: readonly Entry[]): Buffer {
  return Buffer.concat(
    entries.map((entry) => {
      // What lies around an entry must stay as it is.
      const around = Buffer.alloc(entry.size + 2, 0xaa);
      entry.write(around, 1);
      assert.equal(around[0], 0xaa);
      assert.equal(around[entry.size + 1], 0xaa);
      return around.subarray(1, entry.size + 1);
    }),
  );
}

function decode(frame: Buffer): Batch {
  assert.equal(frame[0], 0, 'not compressed as a whole');
  assert.equal(frame.readUInt32BE(1), frame.length - PREFIX_BYTES);
  const { batch } = liveService.Connect.responseDeserialize(bareFrame(frame));
  assert.ok(batch);
  return batch;
}

describe('property: entry codec', () => {
  it('writes varints as protobuf does, and knows their size', () => {
    fc.assert(
      fc.property(unsigned, (value) => {
        const buffer = Buffer.alloc(10);
        const end = writeVarint(buffer, 0, value);
        assert.equal(end, varintSize(value));
        let decoded = 0n;
        for (let at = end - 1; at >= 0; at--)
          decoded = (decoded << 7n) | BigInt((buffer[at] as number) & 0x7f);
        assert.equal(decoded, BigInt(value));
        for (let at = 0; at < end; at++) assert.equal((buffer[at] as number) >= 0x80, at < end - 1);
      }),
      runs(500),
    );
  });

  it('finds when a message was stored in its entry, wherever that begins', () => {
    fc.assert(
      fc.property(stored, unsigned, fc.nat({ max: 20 }), (message, prevSeq, offset) => {
        const entry = reliableEntry(message, prevSeq);
        const buffer = Buffer.alloc(offset + entry.size);
        entry.write(buffer, offset);
        // Protobuf leaves away what is 0.
        assert.equal(entryTimeMs(buffer, offset), message.timeMs === 0 ? Number.NaN : message.timeMs);
      }),
      runs(500),
    );
  });

  it('protobufjs reads from a frame what was put into it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(stored, unsigned), { maxLength: 4 }),
        fc.array(ephemeral, { maxLength: 4 }),
        fc.nat({ max: 2 ** 32 - 1 }),
        fc.option(fc.nat({ max: 2 ** 32 - 1 }), { nil: undefined }),
        fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
        (reliable, ephemerals, ephemeralDropped, audience, room) => {
          const batch = decode(
            batchFrame(
              room,
              [
                encode(reliable.map(([message, prevSeq]) => reliableEntry(message, prevSeq))),
                encode(ephemerals.map(ephemeralEntry)),
              ],
              { ephemeralDropped, audience },
            ),
          );
          assert.equal(batch.room, room);
          assert.equal(batch.ephemeralDropped, ephemeralDropped);
          assert.equal(batch.audience, audience);
          assert.deepEqual(
            batch.reliable.map((message) => ({ ...message, headers: { ...message.headers } })),
            reliable.map(([{ seq, fingerprint, timeMs, content }, prevSeq]) => ({
              seq: String(seq),
              prevSeq: String(prevSeq),
              fingerprint,
              id: wire(content.id),
              type: wire(content.type),
              sender: wire(content.sender),
              timeMs: String(timeMs),
              payload: Buffer.from(content.payload),
              headers: wireHeaders(content),
            })),
          );
          assert.deepEqual(
            batch.ephemeral.map((message) => ({ ...message, headers: { ...message.headers } })),
            ephemerals.map(({ content, timeMs }) => ({
              type: wire(content.type),
              sender: wire(content.sender),
              timeMs: String(timeMs),
              payload: Buffer.from(content.payload),
              headers: wireHeaders(content),
            })),
          );
        },
      ),
      runs(150),
    );
  });

  it('a frame of nothing but a room is valid', () => {
    assert.deepEqual(decode(batchFrame('r', [])), {
      room: 'r',
      reliable: [],
      ephemeral: [],
      ephemeralDropped: 0,
    });
  });
});

describe('property: fingerprint', () => {
  it('is never 0, and the same in whatever order headers come', () => {
    fc.assert(
      fc.property(content, (message) => {
        const value = fingerprint(message);
        assert.ok(value > 0 && value <= 0xffffffff);
        assert.equal(fingerprint({ ...message, headers: message.headers.toReversed() }), value);
      }),
      runs(300),
    );
  });

  it('tells messages apart that differ in one part', () => {
    const base = {
      id: 'i',
      type: 't',
      sender: 's',
      payload: Buffer.from('p'),
      headers: [['h', 'v']] as const,
    };
    const variants: MessageContent[] = [
      { ...base, id: 'j' },
      { ...base, type: 'u' },
      { ...base, sender: '' },
      { ...base, payload: Buffer.alloc(0) },
      { ...base, headers: [] },
      { ...base, headers: [['h', 'w']] },
    ];
    const values = new Set([base, ...variants].map((message) => fingerprint(message)));
    assert.equal(values.size, variants.length + 1);
  });
});

/** Text as it is after a journey over a wire: half of a surrogate pair does not survive. */
function wire(value: string): string {
  return Buffer.from(value).toString();
}

function wireHeaders(message: MessageContent): Record<string, string> {
  return Object.fromEntries(message.headers.map(([name, value]) => [wire(name), wire(value)]));
}
