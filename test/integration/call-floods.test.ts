import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { ServerConfig } from '../../server/config/config.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { AttackedCall } from '../helpers/http2-attacker.ts';
import { Http2Attacker } from '../helpers/http2-attacker.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

const REQUESTS = {
  GetRoom: liveService.GetRoom.requestSerialize({ room: 'known' }),
  Pull: liveService.Pull.requestSerialize({ room: 'known', start: { earliest: {} } }),
};

/** Look-ups that are under way at once, and that wait, of one connection. */
const PLACES = 8 + 256;

describe('Isolated: floods of calls', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let attackers: Http2Attacker[];

  beforeEach(async () => {
    nats = await startNats();
    attackers = [];
  });

  afterEach(async () => {
    for (const attacker of attackers) attacker.session.destroy();
    await gateway.close();
    await nats.stop();
  });

  async function start(overrides: Partial<ServerConfig>): Promise<void> {
    gateway = await startTestGateway(nats.url, overrides);
    await gateway.client().publish('known', { type: 'gift', payload: 'x' });
  }

  function attack(): Http2Attacker {
    const attacker = new Http2Attacker(gateway.address);
    attackers.push(attacker);
    return attacker;
  }

  function ask(attacker: Http2Attacker, method: 'GetRoom' | 'Pull'): AttackedCall {
    const call = attacker.open(method, grpcMessage(REQUESTS[method]));
    call.stream.end();
    call.stream.resume();
    return call;
  }

  for (const method of ['GetRoom', 'Pull'] as const) {
    it(`${method}: of thousands on one connection few wait, and a join does not wait for them`, async () => {
      await start({ refusalRate: Infinity });
      const attacker = attack();
      await once(attacker.session, 'remoteSettings');
      // Only a connection whose calls are served may have more of them open than may wait.
      await until('it may have many streams', async () => {
        const served = Array.from({ length: 50 }, () => ask(attacker, method));
        await until('they are served', () => served.every(({ ended }) => ended !== undefined));
        return (attacker.session.remoteSettings.maxConcurrentStreams ?? 0) > 2 * PLACES;
      });
      // Whoever has found a place keeps it for as long as NATS is silent.
      await nats.pause();
      const calls = Array.from({ length: 3_000 }, () => ask(attacker, method));
      await until(
        'no more than have a place wait',
        () => calls.filter(({ ended }) => ended === undefined).length <= PLACES,
      );
      nats.resume();
      for await (const { kind } of gateway.client().join('tea')) if (kind === 'caught-up') break;
      await until('each has its answer', () => calls.every(({ ended }) => ended !== undefined));
      const refused = attacker.count('OVERLOADED');
      assert.ok(refused > 0, 'none was refused');
      assert.equal(gateway.stats.refused.get('OVERLOADED'), refused);
    });
  }

  it('a connection whose calls are refused may not have more of them open, and hears of it at once, or later', async () => {
    const clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { refusalRate: 1 }, { clock });
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    const request = grpcMessage(liveService.GetRoom.requestSerialize({ room: '' }));
    const refused = (count: number): AttackedCall[] =>
      Array.from({ length: count }, () => {
        const call = attacker.open('GetRoom', request);
        call.stream.end();
        return call;
      });
    const calls = refused(99);
    let unknown: string | undefined;
    attacker.session
      .request({ ':method': 'POST', ':path': '/live.v1.Live/Nothing', 'content-type': 'application/grpc' })
      .on('response', (headers) => (unknown = headers['grpc-status'] as string))
      .end();
    await until('all are refused', () => gateway.stats.refused.get('ROOM_NAME_INVALID') === 99);
    await new Promise((pong) => attacker.session.ping(pong));
    const told = attacker.count('ROOM_NAME_INVALID');
    assert.ok(told >= 5 && told < 99, `${told} are told at once`);
    assert.equal(unknown, undefined);
    await until('all are told in time', () => {
      clock.skip(1_000);
      return calls.every(({ ended }) => ended !== undefined) && unknown !== undefined;
    });
    assert.equal(unknown, '12');
    assert.equal(attacker.session.remoteSettings.maxConcurrentStreams, 100);
  });

  it('viewers who were let in are told at once why they go, however many they are', async () => {
    await start({ refusalRate: 1 });
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: {} }));
    const calls = Array.from({ length: 50 }, () => attacker.open('Connect', hello));
    for (const { stream } of calls) stream.resume();
    await until('all are there', () => gateway.stats.sessions >= 50);
    await new Promise((pong) => attacker.session.ping(pong));
    for (const { stream } of calls) stream.write(hello);
    await until('all have to go', () => gateway.stats.refused.get('HELLO_REPEATED') === 50);
    await new Promise((pong) => attacker.session.ping(pong));
    assert.equal(attacker.count('HELLO_REPEATED'), 50);
  });

  it('who would be told later is told when the gateway goes', async () => {
    await start({ refusalRate: 1 });
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    const request = grpcMessage(liveService.GetRoom.requestSerialize({ room: '' }));
    const calls = Array.from({ length: 50 }, () => attacker.open('GetRoom', request));
    for (const { stream } of calls) stream.end();
    await until('all are refused', () => gateway.stats.refused.get('ROOM_NAME_INVALID') === 50);
    await gateway.drain(0);
    await until('all calls are over', () => calls.every(({ ended }) => ended !== undefined));
    assert.equal(attacker.count('ROOM_NAME_INVALID'), 50);
  });

  it('calls that go away while they wait for their turn are no faults of the gateway', async () => {
    await start({});
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    await nats.pause();
    const calls = Array.from({ length: 50 }, () => ask(attacker, 'Pull'));
    const behind = attacker.open('GetRoom', grpcMessage(Buffer.alloc(0)));
    behind.stream.end();
    await until('they have come', () => behind.reason === 'ROOM_NAME_INVALID');
    for (const { stream } of calls) stream.close();
    nats.resume();
    await until(
      'the first has had its turn',
      async () => (await gateway.client().room('known')).count === 1n,
    );
    assert.equal(gateway.stats.refused.get('INTERNAL_ERROR'), undefined);
  });

  it('a stream that joins and leaves one room after the other keeps few of them open', async () => {
    await start({ lingeringRooms: 20 });
    using stream = RawStream.hello(gateway.address);
    const rooms = Array.from({ length: 400 }, (_, n) => `r${n}`);
    for (const room of rooms) stream.send({ join: { room, start: { live: {} } } }, { leave: { room } });
    stream.send({ ping: { nonce: 1 } });
    await stream.next('pong');
    const refused = gateway.stats.refused.get('RATE_LIMITED') ?? 0;
    assert.ok(refused > 100, `${refused} refused`);
    await until('few rooms are left', () => gateway.stats.rooms <= 20);
    const [error] = stream.all('roomError');
    assert.equal(error?.refusal?.reason, 'REASON_RATE_LIMITED');
    assert.ok(Number(error.refusal.retryAfterMs) > 0);
  });

  it('what is said at once, with the end behind it, is done one after the other', async () => {
    await start({});
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    const publish = (n: number): Buffer =>
      liveService.Connect.requestSerialize({
        publish: { requestId: n, request: { room: 'said', type: 'gift', payload: Buffer.from(String(n)) } },
      });
    const frames = [
      liveService.Connect.requestSerialize({ hello: {} }),
      ...Array.from({ length: 200 }, (_, n) => publish(n)),
    ];
    const call = attacker.open('Connect', Buffer.concat(frames.map((frame) => grpcMessage(frame))));
    call.stream.end();
    call.stream.resume();
    await until('it has ended', () => call.ended !== undefined);
    assert.equal(call.ended, 'OK');
    const stored: string[] = [];
    for await (const event of gateway.client().pull('said'))
      if (event.kind === 'message') stored.push(Buffer.from(event.message.payload).toString());
    assert.deepEqual(
      stored,
      Array.from({ length: 200 }, (_, n) => String(n)),
    );
  });

  it('a connection whose viewers are let in may have more of them', async () => {
    await start({});
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: {} }));
    const calls = Array.from({ length: 300 }, () => attacker.open('Connect', hello));
    await until('all are there', () => gateway.stats.sessions >= 300);
    for (const { stream } of calls) stream.close();
  });

  it('a connection has so many streams and no more, and others are served', async () => {
    await start({ maxStreams: 50 });
    const before = gateway.stats.sessions;
    const attacker = attack();
    await once(attacker.session, 'remoteSettings');
    assert.equal(attacker.session.remoteSettings.maxConcurrentStreams, 50);
    const calls = Array.from({ length: 200 }, () => attacker.open('Connect'));
    await until('some are open', () => gateway.stats.sessions === before + 50);
    using viewer = RawStream.hello(gateway.address);
    await viewer.next('welcome');
    for (const { stream } of calls) stream.close();
  });

  it('a connection without a stream is closed, and one with a viewer is not', async () => {
    await start({ idleTimeoutMs: 100 });
    using viewer = RawStream.hello(gateway.address);
    await viewer.next('welcome');
    const attacker = attack();
    let goaway: number | undefined;
    attacker.session.on('goaway', (code) => (goaway = code as number));
    const used = attack();
    ask(used, 'GetRoom');
    await until('those without are closed', () => attacker.closed && used.closed);
    assert.equal(goaway, 0);
    viewer.send({ ping: { nonce: 1 } });
    await viewer.next('pong');
  });

  it('a connection that is closed is gone, even if its other end keeps its half', async () => {
    const clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { idleTimeoutMs: 100 }, { clock });
    const [host, port] = gateway.address.split(':');
    const deaf = connect({ host, port: Number(port), allowHalfOpen: true });
    await once(deaf.resume(), 'end');
    await until('none is left', () => {
      clock.skip(1_000);
      return gateway.stats.connections === 0;
    });
    deaf.destroy();
  });
});
