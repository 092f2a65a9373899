import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as codec from '../../protos/codec/codec.ts';
import { MalformedError } from '../../protos/codec/reader.ts';
import type { FieldSchema } from '../../protos/codec/schema.ts';
import { SCHEMA } from '../../protos/gen/schema.ts';
import { liveService } from '../../protos/live.ts';
import { runs } from '../helpers/property.ts';

/** A value of a scalar type, as frames that are to be encoded have it. */
const scalars: Record<string, fc.Arbitrary<unknown>> = {
  string: fc.string({ unit: 'grapheme', maxLength: 20 }),
  bytes: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  bool: fc.boolean(),
  uint32: fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1), fc.nat()),
  fixed32: fc.oneof(fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1), fc.nat()),
  uint64: fc.oneof(
    fc.constantFrom('0', '9007199254740993', '18446744073709551615'),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    fc.bigInt({ min: 0n, max: 2n ** 49n }).map(String),
  ),
};

/** Whatever a message may hold, absent fields included; of a oneof at most one. */
function message(name: string): fc.Arbitrary<Record<string, unknown>> {
  const fields = SCHEMA.messages[name]!;
  const byOneof = new Map<string, FieldSchema[]>();
  for (const field of fields) {
    const group = field[4] ?? `one ${field[1]}`;
    byOneof.set(group, [...(byOneof.get(group) ?? []), field]);
  }
  const parts = [...byOneof.values()].map((members) =>
    fc.option(fc.oneof(...members.map((field) => value(field).map((held) => ({ [field[1]]: held })))), {
      nil: {},
    }),
  );
  return fc.tuple(...parts).map((held) => Object.assign({}, ...held) as Record<string, unknown>);
}

function value([, , type, label]: FieldSchema): fc.Arbitrary<unknown> {
  if (label === 'map') {
    const name = fc.oneof(
      fc.constantFrom('__proto__', 'constructor', ''),
      scalars['string'] as fc.Arbitrary<string>,
    );
    return fc.array(fc.tuple(name, scalars['string']!), { maxLength: 3 }).map((entries) => {
      const map = Object.create(null) as Record<string, unknown>;
      for (const [key, text] of entries) map[key] = text;
      return map;
    });
  }
  const names = SCHEMA.enums[type];
  const one =
    type in SCHEMA.messages ? message(type) : names ? fc.constantFrom(...Object.keys(names)) : scalars[type]!;
  return label === 'many' ? fc.array(one, { maxLength: 3 }) : one;
}

/** The same with Uint8Array for Buffer: which of both the bytes come in is no matter. */
function plain(held: unknown): unknown {
  if (held instanceof Uint8Array) return Uint8Array.from(held);
  if (Array.isArray(held)) return held.map(plain);
  if (typeof held !== 'object' || held === null) return held;
  return Object.fromEntries(Object.entries(held).map(([key, each]) => [key, plain(each)]));
}

const { Connect, GetRoom, Pull } = liveService;

describe('the small codec of clients, against protobufjs', () => {
  const decoded = [
    ['ServerFrame', Connect.responseSerialize, Connect.responseDeserialize, codec.decodeServerFrame],
    ['GetRoomResponse', GetRoom.responseSerialize, GetRoom.responseDeserialize, codec.decodeGetRoomResponse],
    ['PullResponse', Pull.responseSerialize, Pull.responseDeserialize, codec.decodePullResponse],
  ] as const;
  for (const [name, serialize, deserialize, decode] of decoded) {
    it(`decodes the same ${name}`, () => {
      fc.assert(
        fc.property(message(name), (given) => {
          const bytes = serialize(given);
          assert.deepEqual(plain(decode(bytes)), plain(deserialize(bytes)));
        }),
        runs(300),
      );
    });
  }

  const encoded = [
    ['ClientFrame', codec.encodeClientFrame, Connect.requestSerialize, Connect.requestDeserialize],
    ['GetRoomRequest', codec.encodeGetRoomRequest, GetRoom.requestSerialize, GetRoom.requestDeserialize],
    ['PullRequest', codec.encodePullRequest, Pull.requestSerialize, Pull.requestDeserialize],
  ] as const;
  for (const [name, encode, serialize, deserialize] of encoded) {
    it(`encodes a ${name} to what is decoded to the same`, () => {
      fc.assert(
        fc.property(message(name), (given) => {
          const expected = deserialize(serialize(given));
          assert.deepEqual(plain(deserialize(Buffer.from(encode(given)))), plain(expected));
        }),
        runs(300),
      );
    });
  }

  it('takes bytes that were cut or changed for what they are, or throws that they are malformed', () => {
    const cut = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(message('ServerFrame'), cut, fc.nat(255), (given, at, byte) => {
        const bytes = Uint8Array.from(Connect.responseSerialize(given));
        const where = Math.floor(at * bytes.length);
        const changed = Uint8Array.from(bytes);
        changed[where] = byte;
        for (const each of [bytes.subarray(0, where), changed]) {
          try {
            codec.decodeServerFrame(each);
          } catch (error) {
            assert.ok(error instanceof MalformedError, String(error));
          }
        }
      }),
      runs(500),
    );
  });

  it('passes over fields and values of a later version', () => {
    const later = Buffer.concat([
      Buffer.from([0xf8, 0x07, 0x01, 0xfa, 0x07, 0x01, 0x41]),
      Buffer.from([0x5a, 0x03, 0x10, 0xe7, 0x07]),
    ]);
    assert.deepEqual(plain(codec.decodeServerFrame(later)), plain(Connect.responseDeserialize(later)));
    assert.equal(codec.decodeServerFrame(later).reconnect?.reason, 999);
  });
});
