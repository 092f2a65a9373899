import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as dial } from 'node:net';
import { Server } from '@grpc/grpc-js';
import { connect } from 'nats';
import { parseAddress } from '../../common/units.ts';
import { seededRandom } from '../../common/random.ts';
import { systemClock } from '../../common/clock.ts';
import { listen } from '../../server/transport/grpc/listener.ts';
import { Origins } from '../../server/transport/connections/origins.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { Load, storedBy } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { rawStub, RawStream } from '../helpers/raw-stream.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);

describe(`Isolated: leaks (LIVE_TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  let nats: TestNats;
  let monitor: string;
  let gateway: TestGateway;
  let clock: SkippingClock;

  beforeEach(async () => {
    const port = await freePort();
    monitor = `http://127.0.0.1:${port}`;
    nats = await startNats({ config: `http: "127.0.0.1:${port}"` });
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, { roomLogBytes: 64 * 1024, logBytes: 256 * 1024 }, { clock });
  });

  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  /** Subscriptions that the gateway has at NATS. */
  async function subscriptions(): Promise<number> {
    const response = await fetch(`${monitor}/connz`);
    const { connections } = (await response.json()) as {
      connections: { name?: string; subscriptions: number }[];
    };
    const ours = connections.find(({ name = '' }) => name.startsWith('live-gateway'));
    return ours?.subscriptions ?? 0;
  }

  async function consumers(): Promise<number> {
    const connection = await connect({ servers: nats.url });
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info('LIVE');
    await connection.close();
    return state.consumer_count;
  }

  it('viewers, pulls and starts of all kinds leave no session, room, subscription or consumer', async () => {
    const before = await subscriptions();
    const recorder = new RunRecorder();
    const publisher = gateway.client();
    const rooms = ['tea', 'chess', 'golf'];
    const message = { type: 'gift', payload: Buffer.alloc(1_000, 'x') };
    const loads = rooms.map(
      (room) => new Load(recorder, { client: publisher, room, sender: 'ann', message }),
    );
    await until('messages flow', () => storedBy(loads) > 500);
    const starts = [{ live: {} }, { earliest: {} }, { last: 50 }, { sinceMs: Date.now() - 300 }, { seq: 7 }];
    for (let n = 0; n < 60; n++) {
      const stream = RawStream.hello(gateway.address);
      const room = rooms[n % rooms.length]!;
      stream.send({ join: { room, start: starts[n % starts.length]! } });
      const moments = ['welcome', 'joined', 'batch', 'caughtUp'] as const;
      await stream.next(moments[Math.floor(random() * moments.length)]!);
      if (random() < 0.3) stream.send({ leave: { room } });
      stream.close();
      if (n % 10 === 0) await pullSome(room);
    }
    await Promise.all(loads.map((load) => load.stop()));
    await publisher.close();
    await until('nobody is connected', () => {
      const { sessions, connections } = gateway.stats;
      return sessions === 0 && connections === 0;
    });
    clock.skip(60_000);
    await until('no room is open', () => gateway.stats.rooms === 0);
    assert.equal(gateway.stats.memory, 0);
    await until('no subscription is left', async () => (await subscriptions()) <= before + 1);
    await until('no consumer is left', async () => (await consumers()) === 0);
  });

  it('a closed gateway leaves nothing at NATS', async () => {
    using stream = RawStream.hello(gateway.address);
    stream.send({ join: { room: 'tea', start: { live: {} } } });
    await stream.next('caughtUp');
    await gateway.close();
    await until('NATS has noticed', async () => {
      const { connections } = (await (await fetch(`${monitor}/connz`)).json()) as { connections: unknown[] };
      return connections.length === 0;
    });
    assert.equal(await consumers(), 0);
  });

  it('closing does not wait for ever for a connection that has just ended', async () => {
    const listener = await listen(
      new Server(),
      { host: '127.0.0.1', port: 0 },
      { clock: systemClock, timeoutMs: 30_000 },
      { origins: new Origins([]) },
    );
    let accepted: Socket | undefined;
    const accept = (event: unknown): void => void (accepted = (event as { socket: Socket }).socket);
    subscribe('net.server.socket', accept);
    const client = dial(parseAddress(listener.address)!);
    await once(client, 'connect');
    const socket = await until('it is accepted', () => accepted);
    unsubscribe('net.server.socket', accept);
    listener.stopAccepting();
    socket.destroy();
    // The server's own 'close' comes now, the socket's later.
    await new Promise((resolve) => process.nextTick(resolve));
    await listener.close();
    client.destroy();
  });

  it('a gateway that finds its port in use leaves nothing running', async () => {
    const [host = '', port] = gateway.address.split(':');
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const listen = { host, port: Number(port) };
    for (let n = 0; n < 10; n++) await assert.rejects(startTestGateway(nats.url, { listen }), /in use/);
    await until('no more timers are left', () => timers() < before + 10);
  });

  /** Reads a little, and loses interest. */
  async function pullSome(room: string): Promise<void> {
    const stub = rawStub(gateway.address);
    const call = stub.pull({ room, start: { earliest: {} } });
    call.on('error', () => undefined);
    await once(call, 'data');
    call.cancel();
    stub.close();
  }
});

async function freePort(): Promise<number> {
  const listener = await listen(
    new Server(),
    { host: '127.0.0.1', port: 0 },
    { clock: systemClock, timeoutMs: 30_000 },
    { origins: new Origins([]) },
  );
  await listener.close();
  return parseAddress(listener.address)!.port;
}
