import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeServerFrame } from '../../protos/live.ts';
import { liveCounter, liveWebSocketCounter } from '../../bench/wire/live-counter.ts';
import { LiveEventsCounter } from '../../bench/wire/live-events.ts';
import { readBatch } from '../../bench/wire/live-batch.ts';
import { MqttCounter, publishPacket } from '../../bench/wire/mqtt.ts';
import { NatsCounter } from '../../bench/wire/nats.ts';
import type { MakeReceiver } from '../../bench/wire/receiver.ts';
import { WebSocketReceiver } from '../../bench/wire/websocket.ts';
import { BatchTexts, decodePrefixed } from '../../server/transport/sse/batch-texts.ts';
import { HEARTBEAT_TEXT } from '../../server/transport/sse/event-text.ts';
import { binaryMessage, controlFrame, FIN, OPCODE } from '../../server/transport/websocket/frames.ts';

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

/** Chunks of HTTP/1.1 of at most `size` bytes. */
function chunks(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const body = bytes.subarray(at, at + size);
    pieces.push(Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n'));
  }
  return pieces;
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
    const make: MakeReceiver = (context) => liveCounter(context, { live: {} });
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

  it('count the reliable messages of a gateway by WebSocket, however many frames a message has', () => {
    const handshake = Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    const make: MakeReceiver = (context) => liveWebSocketCounter(context, { live: {} });
    fc.assert(
      fc.property(sizes, cuts, fc.integer({ min: 1, max: 500 }), (payloads, places, piece) => {
        const message = batch(payloads, 200);
        const frames = [controlFrame(OPCODE.ping, Buffer.from('?'))];
        for (let at = 0; at < message.length; at += piece) {
          const frame = binaryMessage(message.subarray(at, at + piece), 100_000);
          frame[0] =
            (at === 0 ? OPCODE.binary : OPCODE.continuation) | (at + piece < message.length ? 0 : FIN);
          frames.push(frame);
        }
        assert.equal(counted(make, Buffer.concat([handshake, ...frames]), places), payloads.length);
      }),
    );
  });

  it('count the reliable messages of a gateway by server-sent events, however they are cut', () => {
    const make: MakeReceiver = (context) => new LiveEventsCounter(context, 'live');
    fc.assert(
      fc.property(sizes, cuts, fc.integer({ min: 1, max: 500 }), (payloads, places, size) => {
        const prefixed = grpcMessage(batch(payloads, 200));
        const { batch: decoded } = decodePrefixed(prefixed);
        const text = new BatchTexts().make(prefixed, decoded ?? assert.fail(), 'epoch');
        const head = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const heartbeat = Buffer.from(HEARTBEAT_TEXT);
        const stream = Buffer.concat([head, ...chunks(Buffer.concat([heartbeat, text, heartbeat]), size)]);
        assert.equal(counted(make, stream, places), payloads.length);
      }),
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
