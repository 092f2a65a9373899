import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { GrpcMessages } from '../../bench/wire/grpc-messages.ts';
import { Http2Call } from '../../bench/wire/http2.ts';
import { parseAddress } from '../../common/units.ts';
import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';

const TYPE = { data: 0, reset: 3 };
/** The largest that every peer takes, in bytes. */
const MAX_FRAME_BYTES = 16_384;
const CANCEL = Buffer.from([0, 0, 0, 8]);

/** A frame of HTTP/2 on the first stream. */
function http2Frame(type: number, body: Buffer): Buffer {
  const header = Buffer.from([0, 0, 0, type, 0, 0, 0, 0, 1]);
  header.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([header, body]);
}

const message = (frame: ClientFrameInput): Buffer =>
  prefixedFrame(liveService.Connect.requestSerialize(frame));

describe('Isolated: Connect, frame of HTTP/2 by frame', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let socket: Socket;
  let frames: ServerFrame[];

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
    socket = connect(parseAddress(gateway.address) as { host: string; port: number });
    frames = [];
    await once(socket, 'connect');
  });

  afterEach(async () => {
    socket.destroy();
    await gateway.close();
    await nats.stop();
  });

  /** Opens a call; `behind` goes out with its headers. */
  function open(behind: Buffer): void {
    const messages = new GrpcMessages((bytes) => frames.push(liveService.Connect.responseDeserialize(bytes)));
    const call = new Http2Call(liveService.Connect.path, gateway.address, {
      send: (bytes) => void socket.write(behind.length > 0 ? Buffer.concat([bytes, behind]) : bytes),
      fail: () => undefined,
      data: (bytes, start, end) => messages.receive(bytes, start, end),
    });
    call.open();
    behind = Buffer.alloc(0);
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      const all = Buffer.concat([rest, bytes]);
      rest = all.subarray(call.receive(all, 0, all.length));
    });
  }

  it('a call that is reset together with its headers is no session', async () => {
    open(http2Frame(TYPE.reset, CANCEL));
    await until('the connection is served', () => gateway.stats.connections === 1);
    using other = RawStream.hello(gateway.address);
    await other.next('welcome');
    assert.equal(gateway.stats.sessions, 1);
  });

  it('a client that takes no answers is not read from, and gets all of them when it does', async () => {
    const session = connectHttp2(`http://${gateway.address}`, { settings: { initialWindowSize: 0 } });
    const headers = {
      ':method': 'POST',
      ':path': liveService.Connect.path,
      'content-type': 'application/grpc',
    };
    const call = session.request({ ...headers, te: 'trailers' });
    const nonces: number[] = [];
    const messages = new GrpcMessages((bytes) => {
      const { pong } = liveService.Connect.responseDeserialize(bytes);
      if (pong) nonces.push(Number(pong.nonce));
    });
    call.on('data', (bytes: Buffer) => messages.receive(bytes, 0, bytes.length));
    call.write(message({ hello: { client: 'raw' } }));
    const pings = Array.from({ length: 20_000 }, (_, nonce) => message({ ping: { nonce } }));
    call.write(Buffer.concat(pings));
    let before = -1;
    await until('the gateway takes no more', async () => {
      const now = session.socket.bytesWritten;
      const stalled = now === before;
      before = now;
      await delay(300);
      return stalled;
    });
    assert.ok(before < 150_000, `it has taken ${before} bytes`);
    session.settings({ initialWindowSize: 1024 * 1024 });
    await until('every ping has its answer', () => nonces.length === pings.length);
    assert.deepEqual(nonces, [...nonces.keys()]);
    session.destroy();
  });

  it('thousands of messages in one frame, more answers among them than may wait, are handled in order', async () => {
    const pings = Array.from({ length: 200 }, (_, nonce) => message({ ping: { nonce } }));
    const acks = message({ ack: {} });
    const first = Buffer.concat([message({ hello: { client: 'raw' } }), ...pings]);
    const last = message({ ping: { nonce: 200 } });
    const count = Math.floor((MAX_FRAME_BYTES - first.length - last.length) / acks.length);
    const many = Buffer.concat([first, ...Array.from({ length: count }, () => acks), last]);
    open(http2Frame(TYPE.data, many));
    await until('every ping has its answer', () => frames.some(({ pong }) => pong?.nonce === '200'));
    const nonces = frames.flatMap(({ pong }) => (pong ? [Number(pong.nonce)] : []));
    assert.deepEqual(
      nonces,
      Array.from({ length: 201 }, (_, nonce) => nonce),
    );
  });
});
