import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { createLogger } from '../../server/observability/logging.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { Receiving } from '../../server/transport/connections/receiving.ts';
import { MessageDecoder } from '../../server/transport/websocket/message-decoder.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { runs } from '../helpers/property.ts';

const [CONTINUATION, BINARY, PING] = [0, 2, 9];

/** A frame as a client sends it. */
function masked(opcode: number, payload: Buffer, final: boolean, mask: number): Buffer {
  const { length } = payload;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const head = Buffer.alloc(size + 4);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) head.writeUInt16BE(length, 2);
  if (size === 10) head.writeBigUInt64BE(BigInt(length), 2);
  head.writeUInt32BE(mask, size);
  const key = head.subarray(size);
  return Buffer.concat([head, payload.map((byte, at) => byte ^ (key[at % 4] as number))]);
}

describe('messages of WebSocket, in whatever parts they come', () => {
  const receiving = new Receiving(
    new ManualClock(),
    { bytes: 64 * 2 ** 20, timeoutMs: 1_000 },
    new Refusals(createLogger('silent')),
  );
  after(() => receiving.close());

  const part = fc.record({
    size: fc.oneof(fc.nat(10), fc.nat(300), fc.nat(7_900)),
    final: fc.boolean(),
    mask: fc.nat(2 ** 32 - 1),
    ping: fc.boolean(),
  });
  const cut = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 65_536 }));

  it('are what was sent, one when it is asked for, and nothing is counted behind the last', () => {
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.array(cut, { minLength: 1, maxLength: 20 }),
        (parts, cuts) => {
          const sent: Buffer[] = [];
          const wire: Buffer[] = [];
          let message: Buffer[] = [];
          parts.forEach(({ size, final: wanted, mask, ping }, index) => {
            const final = wanted || index === parts.length - 1;
            const payload = Buffer.from(Array.from({ length: size }, (_, at) => (at * 7 + index) & 0xff));
            if (ping) wire.push(masked(PING, Buffer.from(`ping ${index}`), true, mask));
            wire.push(masked(message.length === 0 ? BINARY : CONTINUATION, payload, final, mask));
            message.push(payload);
            if (!final) return;
            sent.push(Buffer.concat(message));
            message = [];
          });
          const got: Buffer[] = [];
          const pings: string[] = [];
          const source = Object.assign(new EventEmitter(), { isPaused: () => false });
          const decoder = new MessageDecoder(
            source,
            { address: 'host', name: 'host:1' },
            {
              onMessage: (bytes) => got.push(bytes),
              onControl: (opcode, payload) => {
                if (opcode === PING) pings.push(payload.toString());
              },
              onRefused: (failure) => assert.fail(failure),
            },
            receiving,
          );
          const bytes = Buffer.concat(wire);
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = cuts[turn % cuts.length] as number;
            const before = got.length;
            decoder.push(Buffer.from(bytes.subarray(at, at + size)));
            assert.ok(got.length <= before + 1, 'no more than was asked for');
            assert.ok(receiving.bytes <= 1_024 + 3 * bytes.length);
            if (turn % 2 === 0) decoder.startRead();
            at += size;
          }
          while (got.length < sent.length) {
            const before = got.length;
            decoder.startRead();
            assert.ok(got.length > before, 'the next has come');
          }
          assert.deepEqual(got, sent);
          assert.equal(pings.length, parts.filter(({ ping }) => ping).length);
          assert.equal(receiving.bytes, 0);
          assert.equal(source.listenerCount('close'), 0);
        },
      ),
      runs(200),
    );
  });

  it('are counted from the first byte, when a frame is cut in the midst of its header', () => {
    const source = Object.assign(new EventEmitter(), { isPaused: () => false });
    let messages = 0;
    const decoder = new MessageDecoder(
      source,
      { address: 'host', name: 'host:1' },
      {
        onMessage: () => messages++,
        onControl: () => undefined,
        onRefused: (failure) => assert.fail(failure),
      },
      receiving,
    );
    decoder.startRead();
    const chunk = Buffer.concat([masked(BINARY, Buffer.alloc(60_000), true, 1), Buffer.from([0x82])]);
    decoder.push(chunk);
    assert.equal(messages, 1);
    assert.equal(receiving.bytes, 1);
    decoder.end();
    assert.equal(receiving.bytes, 0);
  });

  it('have their time each for itself, also where the next one has always begun when one is complete', () => {
    const clock = new ManualClock();
    const limits = { bytes: 64 * 2 ** 20, timeoutMs: 20_000 };
    const timed = new Receiving(clock, limits, new Refusals(createLogger('silent')));
    const source = Object.assign(new EventEmitter(), { isPaused: () => false });
    const refused: string[] = [];
    let messages = 0;
    const decoder = new MessageDecoder(
      source,
      { address: 'host', name: 'host:1' },
      {
        onMessage: () => messages++,
        onControl: () => undefined,
        onRefused: ({ reason }) => refused.push(reason),
      },
      timed,
    );
    const message = masked(BINARY, Buffer.alloc(10_000), true, 1);
    const [first, rest] = [message.subarray(0, 5_000), message.subarray(5_000)];
    decoder.startRead();
    decoder.push(first);
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      decoder.push(Buffer.concat([rest, first]));
      decoder.startRead();
    }
    assert.deepEqual([messages, refused], [60, []]);
    clock.advance(22_000);
    assert.deepEqual(refused, ['FRAME_TIMEOUT'], 'the last one is not complete');
    assert.equal(timed.bytes, 0);
    timed.close();
  });
});
