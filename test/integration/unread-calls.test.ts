import assert from 'node:assert/strict';
import { once } from 'node:events';
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

/** Passes only by hand. */
const SLOW_CONSUMER_TIMEOUT_MS = 600_000;
const KIB = 1024;
const REQUESTS = {
  GetRoom: liveService.GetRoom.requestSerialize({ room: 'known' }),
  Pull: liveService.Pull.requestSerialize({ room: 'known', start: { earliest: {} } }),
};
const frame = (input: ClientFrameInput): Buffer => grpcMessage(liveService.Connect.requestSerialize(input));

describe('Isolated: calls whose answers are not read', () => {
  let nats: TestNats;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let proxy: Http2Attacker;
  let neighbour: AttackedCall;

  beforeEach(async () => {
    nats = await startNats();
    clock = new SkippingClock();
    const limits = { slowConsumerTimeoutMs: SLOW_CONSUMER_TIMEOUT_MS, heartbeatMs: 3_600_000 };
    gateway = await startTestGateway(nats.url, limits, { clock });
    const payload = Buffer.alloc(500 * KIB);
    await gateway
      .client({ probeTimeoutMs: 10 * SLOW_CONSUMER_TIMEOUT_MS })
      .publish('known', { type: 'gift', payload });
    proxy = new Http2Attacker(gateway.address);
    await once(proxy.session, 'remoteSettings');
    neighbour = proxy.open('Connect', frame({ hello: { client: 'neighbour' } }));
    await answered(neighbour);
  });

  afterEach(async () => {
    proxy.session.destroy();
    await gateway.close();
    await nats.stop();
  });

  const answered = ({ stream }: AttackedCall): Promise<unknown> =>
    until('something comes', () => stream.readableLength > 0 && stream.read() !== null);

  /** Lets the gateway's time pass until it holds. */
  const passes = (name: string, holds: () => boolean): Promise<unknown> =>
    until(name, () => {
      clock.skip(SLOW_CONSUMER_TIMEOUT_MS / 30);
      return holds();
    });

  async function assertNeighbourLives(): Promise<void> {
    neighbour.stream.write(frame({ ping: { nonce: 1 } }));
    await answered(neighbour);
    assert.equal(neighbour.ended, undefined);
    assert.equal(proxy.closed, false);
  }

  function ask(method: 'GetRoom' | 'Pull'): AttackedCall {
    const call = proxy.open(method, grpcMessage(REQUESTS[method]));
    call.stream.end();
    return call;
  }

  it('Pull: lose their streams, and a viewer on the same connection goes on', async () => {
    const calls = Array.from({ length: 20 }, () => ask('Pull'));
    await until('the windows are full', () => calls.every(({ stream }) => stream.readableLength > 60_000));
    await passes('they are gone', () => calls.every(({ stream }) => stream.closed));
    await assertNeighbourLives();
  });

  it('GetRoom: lose the connection that they have for themselves, where not even the answer is taken', async () => {
    using deaf = new Http2Attacker(gateway.address, { initialWindowSize: 0 });
    const { stream } = deaf.open('GetRoom', grpcMessage(REQUESTS.GetRoom));
    stream.end();
    await once(stream, 'response');
    await passes('it is gone', () => deaf.closed);
    await assertNeighbourLives();
  });

  it('Pull: who takes a part of a large message within the time gets all of it', async () => {
    const { stream } = ask('Pull');
    let bytes = 0;
    while (bytes < 500 * KIB) {
      await until('more has come', () => stream.readableLength > 0 || stream.readableEnded);
      bytes += (stream.read() as Buffer).length;
      clock.skip(SLOW_CONSUMER_TIMEOUT_MS / 4);
    }
    stream.resume();
    await until('it has ended', () => stream.closed);
    assert.equal(stream.rstCode, 0);
    await assertNeighbourLives();
  });

  it('a client that misses Hello, or sends what is no frame, loses its stream and nobody else does', async () => {
    const late = proxy.open('Connect');
    const broken = proxy.open('Connect', grpcMessage(Buffer.from('no frame')));
    for (const { stream } of [late, broken]) stream.resume();
    await until('the broken one is refused', () => broken.reason === 'MALFORMED_FRAME');
    clock.skip(10_000);
    await until('the late one is refused', () => late.reason === 'HELLO_TIMEOUT');
    await assertNeighbourLives();
    // They keep their half of it.
    await passes('their streams are gone', () => gateway.stats.sessions === 2);
    await assertNeighbourLives();
  });
});
