import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeServerFrame } from '../../protos/live.ts';
import { LiveCounter } from '../../bench/wire/live-counter.ts';
import { readBatch } from '../../bench/wire/live-batch.ts';
import { MqttCounter, publishPacket } from '../../bench/wire/mqtt.ts';
import { NatsCounter } from '../../bench/wire/nats.ts';
import type { MakeReceiver } from '../../bench/wire/receiver.ts';
import { WebSocketReceiver } from '../../bench/wire/websocket.ts';

/** What a receiver counts when `stream` reaches it in pieces that end at `cuts`. */
function counted(make: MakeReceiver, stream: Buffer, cuts: readonly number[]): number {
  let messages = 0;
  const receiver = make({
    room: 'room',
    authority: 'localhost',
    send: () => undefined,
    ready: () => undefined,
    fail: (reason) => assert.fail(reason),
    count: (more) => (messages += more),
  });
  receiver.greet();
  let left = Buffer.alloc(0);
  const ends = [...new Set([...cuts.map((cut) => cut % stream.length), stream.length])].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    const piece = Buffer.concat([left, stream.subarray(start, end)]);
    left = piece.subarray(receiver.receive(piece, 0, piece.length));
    start = end;
  }
  assert.equal(left.length, 0);
  return messages;
}

/** HTTP/2 DATA frames of at most `size` bytes. */
function dataFrames(bytes: Buffer, size: number): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const body = bytes.subarray(at, at + size);
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head.writeUInt32BE(1, 5);
    frames.push(head, body);
  }
  return Buffer.concat(frames);
}

function batch(payloadSizes: readonly number[], firstSeq: number): Buffer {
  const reliable = payloadSizes.map((size, index) => ({
    seq: firstSeq + index,
    prevSeq: firstSeq + index - 1,
    fingerprint: 7,
    payload: Buffer.alloc(size, 'x'),
  }));
  return encodeServerFrame({
    batch: { room: 'room', reliable, ephemeral: [{ type: 'like' }], ephemeralDropped: 300 },
  });
}

function grpcMessage(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const sizes = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 20 });
const cuts = fc.array(fc.nat(), { maxLength: 40 });

/** Counts `payloads` encoded as a whole stream by `encode`, however it is cut. */
function countsAll(make: MakeReceiver, encode: (payloads: readonly number[]) => Buffer): void {
  fc.assert(
    fc.property(sizes, cuts, (payloads, places) => {
      assert.equal(counted(make, encode(payloads), places), payloads.length);
    }),
  );
}

describe('the subscribers of the bench', () => {
  it('count the reliable messages of a gateway, however they are cut', () => {
    const make: MakeReceiver = (context) => new LiveCounter(context, { live: {} });
    fc.assert(
      fc.property(
        fc.array(sizes, { minLength: 1, maxLength: 4 }),
        cuts,
        fc.integer({ min: 1, max: 500 }),
        (all, places, frame) => {
          const messages = [
            encodeServerFrame({ heartbeat: {} }),
            ...all.map((payloads) => batch(payloads, 200)),
          ];
          const stream = dataFrames(Buffer.concat(messages.map(grpcMessage)), frame);
          assert.equal(counted(make, stream, places), all.flat().length);
        },
      ),
    );
  });

  it('count MQTT packets', () => {
    countsAll(
      (context) => new MqttCounter(context),
      (payloads) => Buffer.concat(payloads.map((size) => publishPacket('room', Buffer.alloc(size)))),
    );
  });

  it('count messages of nats-server', () => {
    countsAll(
      (context) => new NatsCounter(context),
      (payloads) =>
        Buffer.from(payloads.map((size) => `MSG room 1 ${size}\r\n${'x'.repeat(size)}\r\nPING\r\n`).join('')),
    );
  });

  it('count WebSocket messages', () => {
    const handshake = Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    const textFrame = (size: number): Buffer => {
      const head = size < 126 ? [0x81, size] : [0x81, 126, size >>> 8, size & 0xff];
      return Buffer.concat([Buffer.from(head), Buffer.alloc(size, 'x')]);
    };
    countsAll(
      (context) => new WebSocketReceiver(context, { path: '/', open: () => undefined, message: () => true }),
      (payloads) => Buffer.concat([handshake, ...payloads.map((size) => textFrame(size * 5))]),
    );
  });

  it('read where the messages of a batch stand', () => {
    assert.deepEqual(
      [...readBatch(batch([0, 300], 2 ** 40))],
      [
        { seq: 2 ** 40, prevSeq: 2 ** 40 - 1, fingerprint: 7 },
        { seq: 2 ** 40 + 1, prevSeq: 2 ** 40, fingerprint: 7 },
      ],
    );
  });
});
