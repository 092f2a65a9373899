import assert from 'node:assert/strict';
import type { LiveClient } from '../../client/index.ts';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { AttackedCall } from '../helpers/http2-attacker.ts';
import { Http2Attacker } from '../helpers/http2-attacker.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const METHODS = ['Connect', 'Publish', 'Pull', 'GetRoom'] as const;
const RECEIVE_BYTES = 20 * MIB;
const FRAME_TIMEOUT_MS = 30_000;

/** All of a message of so many bytes but the last one. */
const unfinished = (bytes: number): Buffer => grpcMessage(Buffer.alloc(bytes)).subarray(0, -1);
const frame = (input: ClientFrameInput): Buffer => grpcMessage(liveService.Connect.requestSerialize(input));

describe('Isolated: frames and requests that are never complete', () => {
  let nats: TestNats;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let other: LiveClient;
  let attacker: Http2Attacker;

  beforeEach(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    const limits = { receiveBytes: RECEIVE_BYTES, frameTimeoutMs: FRAME_TIMEOUT_MS };
    gateway = await startTestGateway(nats.url, limits, { clock });
    other = gateway.client({ probeTimeoutMs: 600_000 });
    attacker = new Http2Attacker(gateway.address);
  });

  afterEach(async () => {
    attacker.session.destroy();
    await gateway.close();
    await nats.stop();
  });

  const isRefused =
    (reason: string) =>
    (call: AttackedCall): boolean =>
      call.reason === reason;

  for (const method of METHODS) {
    it(`${method}: 60 at once on one connection take what a connection may, and leave room for others`, async () => {
      let most = 0;
      const calls = Array.from({ length: 60 }, () => attacker.open(method, unfinished(3.9 * MIB)));
      await until('one is left that fits', () => {
        most = Math.max(most, gateway.stats.receivingBytes);
        return calls.filter(isRefused('RECEIVE_LIMIT')).length === calls.length - 1;
      });
      // What the last one grew by is counted before somebody has gone for it.
      assert.ok(most <= RECEIVE_BYTES / 4 + 4 * MIB, `${most} bytes`);
      assert.ok(gateway.stats.receivingBytes <= RECEIVE_BYTES / 4);
      assert.equal(gateway.stats.refused.get('RECEIVE_LIMIT'), calls.length - 1);
      await other.publish('tea', { type: 'gift', payload: Buffer.alloc(900 * KIB) });
    });

    it(`${method}: one that stops coming is refused, and what it held is free`, async () => {
      const call = attacker.open(method, unfinished(100 * KIB));
      await until('it has come', () => gateway.stats.receivingBytes > 99 * KIB);
      clock.skip(FRAME_TIMEOUT_MS);
      await until('it is refused', () => isRefused('FRAME_TIMEOUT')(call));
      assert.equal(call.ended, 'DEADLINE_EXCEEDED');
      assert.equal(gateway.stats.receivingBytes, 0);
      assert.equal(gateway.stats.refused.get('FRAME_TIMEOUT'), 1);
    });
  }

  for (const method of ['Publish', 'Pull', 'GetRoom'] as const) {
    it(`${method}: a request that does not even begin, or has no end, is refused`, async () => {
      const silent = attacker.open(method);
      const endless = attacker.open(method, grpcMessage(Buffer.alloc(0)));
      await until('both are refused', () => {
        clock.skip(FRAME_TIMEOUT_MS / 10);
        return [silent, endless].every(isRefused('FRAME_TIMEOUT'));
      });
    });
  }

  it('who sends less on the same connection as they do is not the one who has to go', async () => {
    const stream = attacker.open('Connect', frame({ hello: { client: 'small' } }));
    const request = { room: 'tea', type: 'gift', payload: Buffer.alloc(900 * KIB), key: 'one' };
    const publish = frame({ publish: { requestId: 1, request } });
    stream.stream.write(publish.subarray(0, -1));
    await until('most of its message has come', () => gateway.stats.receivingBytes > 800 * KIB);
    for (const gone of [0, 1, 2, 3]) {
      const hog = attacker.open('Publish', unfinished(3.9 * MIB));
      await until('the one before has gone for it', () => attacker.count('RECEIVE_LIMIT') === gone);
      await until('it has come', () => gateway.stats.receivingBytes > 4.5 * MIB);
      assert.equal(hog.ended, undefined);
    }
    stream.stream.write(publish.subarray(-1));
    await until('it is stored', async () => (await other.room('tea')).count === 1n);
    assert.equal(stream.ended, undefined);
  });

  it('a phone that publishes 900 KiB at 12 kB/s is given the time', async () => {
    const { stream, ended } = attacker.open('Connect', frame({ hello: { client: 'phone' } }));
    const request = { room: 'tea', type: 'gift', payload: Buffer.alloc(900 * KIB), key: 'slow' };
    const publish = frame({ publish: { requestId: 1, request } });
    let sent = 0;
    while (sent < publish.length) {
      const before = stream.session?.socket.bytesWritten ?? 0;
      stream.write(publish.subarray(sent, sent + 12_000));
      sent += 12_000;
      await until('it is sent', () => (stream.session?.socket.bytesWritten ?? 0) > before);
      clock.skip(1_000);
    }
    await until('it is stored', async () => (await other.room('tea')).count === 1n);
    assert.equal(ended, undefined);
    assert.equal(gateway.stats.refused.get('FRAME_TIMEOUT'), undefined);
  });

  it('a call that goes away in the midst of one leaves nothing behind', async () => {
    const call = attacker.open('Publish', unfinished(2 * MIB));
    await until('it has come', () => gateway.stats.receivingBytes >= 2 * MIB);
    call.stream.close();
    await until('it is forgotten', () => gateway.stats.receivingBytes === 0);
    attacker.open('Connect', unfinished(2 * MIB));
    await until('another has come', () => gateway.stats.receivingBytes >= 2 * MIB);
    attacker.session.destroy();
    await until('it is forgotten, too', () => gateway.stats.receivingBytes === 0);
  });
});
