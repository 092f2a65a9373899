import assert from 'node:assert/strict';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { LiveClient } from '../../client/index.ts';
import type { ConnectionState } from '../../client/index.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import { liveService } from '../../protos/live.ts';
import { passes, silenceBeforeGivingUp } from '../helpers/client-time.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';

const HEARTBEAT_MS = 200;
const PROBE_TIMEOUT_MS = 200;

/** A TCP server on a free port of the loopback, with the connections it accepted. */
async function listen(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A gRPC server that welcomes, answers joins and pings, and beats; `greeting` is what it says behind Welcome. */
async function beatingServer(greeting?: () => ServerFrameInput) {
  const server = new Server();
  const implementation = {
    connect: (call: ServerDuplexStream<ClientFrame, ServerFrameInput>) => {
      const beat = setInterval(() => call.write({ heartbeat: {} }), HEARTBEAT_MS);
      call.on('close', () => clearInterval(beat)).on('cancelled', () => clearInterval(beat));
      call.on('error', () => undefined).on('end', () => call.end());
      call.on('data', ({ hello, join, ping }: ClientFrame) => {
        if (hello)
          call.write({ welcome: { session: 's', heartbeatMs: HEARTBEAT_MS, limits: { publishes: 1 } } });
        if (hello && greeting) call.write(greeting());
        if (join) {
          const cursor = { epoch: 'e', seq: 1, fingerprint: 0 };
          call.write({ joined: { room: join.room, cursor, head: 1, outcome: 'OUTCOME_STARTED' } });
          call.write({ caughtUp: { room: join.room, cursor } });
        }
        if (ping) call.write({ pong: { nonce: ping.nonce } });
      });
    },
  };
  server.addService(liveService, implementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, close: () => server.forceShutdown() };
}

/** Resolves when the client is in the state. */
function inState(client: LiveClient, name: ConnectionState['kind']) {
  return until(`the client is ${name}`, () => client.state.kind === name);
}

describe('client transport', () => {
  let client: LiveClient | undefined;
  const closers: (() => void)[] = [];

  afterEach(async () => {
    await client?.close();
    for (const close of closers.splice(0)) close();
  });

  it('gives up a server that accepts and never answers, and closes the socket', async () => {
    // It reads: Node shows the end of a connection only to who does.
    const mute = await listen((socket) => void socket.resume());
    closers.push(mute.close);
    const clock = new ManualClock();
    client = new LiveClient({ endpoints: [mute.endpoint], clock, connectTimeoutMs: 1_000 });
    client.join('r1');
    await until('the server has a connection', () => mute.sockets.size === 1);
    clock.advance(1_000);
    assert.equal(client.state.kind, 'backoff');
    await until('the connection is gone', () => mute.sockets.size === 0);
  });

  it('detects a half-open connection within its bound and takes the socket away', async () => {
    const server = await beatingServer();
    let link: 'up' | 'swallowing' = 'up';
    const proxy = await listen((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => undefined).on('close', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      upstream.on('data', (bytes) => link === 'up' && socket.write(bytes));
      socket.on('data', (bytes) => link === 'up' && upstream.write(bytes));
    });
    closers.push(proxy.close, server.close);
    const clock = new ManualClock();
    const opened = new LiveClient({
      endpoints: [proxy.endpoint],
      clock,
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      backoff: { baseMs: 1, maxMs: 1 },
    });
    client = opened;
    const room = opened.join('r1');
    await inState(opened, 'live');
    await until('the room is joined', () => room.head === 1n);
    const [victim] = proxy.sockets;
    const states: string[] = [];
    opened.on('state', ({ kind: name }) => states.push(name));
    link = 'swallowing';
    const silentMs = await silenceBeforeGivingUp(opened, clock);
    const boundMs = HEARTBEAT_MS * 2 + 250 + PROBE_TIMEOUT_MS;
    assert.ok(silentMs <= boundMs, `${silentMs} ms, bound ${boundMs} ms`);
    assert.equal(states[0], 'suspect');
    await until('the socket is gone', () => victim?.closed);
    link = 'up';
    await passes(clock, 'the client is live again', () => opened.state.kind === 'live');
    await until('one connection is left', () => proxy.sockets.size === 1);
    assert.equal(opened.counters.probeFailures, 1);
  });

  for (const [what, deflated] of [
    ['is no DEFLATE', Buffer.from('garbage')],
    ['inflates to no frame', deflateRawSync(Buffer.from([0xff]))],
    ['inflates to more than any message', deflateRawSync(Buffer.alloc(66 * 1024 * 1024))],
  ] as const) {
    it(`connects again when what was compressed ${what}`, async () => {
      let greetings = 0;
      const server = await beatingServer(() => (greetings++ === 0 ? { deflated } : { heartbeat: {} }));
      closers.push(server.close);
      const causes: (number | undefined)[] = [];
      client = new LiveClient({
        endpoints: [`127.0.0.1:${server.port}`],
        backoff: { baseMs: 1, maxMs: 1 },
        compression: 'deflate',
      });
      client.on('state', (state) => {
        if (state.kind === 'backoff') causes.push(state.cause.code);
      });
      const room = client.join('r1');
      await until('it is joined on the second connection', () => greetings === 2 && room.head === 1n);
      await inState(client, 'live');
      assert.deepEqual(causes, [status.INTERNAL]);
    });
  }

  it('has no connection left once it is closed', async () => {
    const server = await beatingServer();
    const proxy = await listen((socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      upstream.on('error', () => undefined).on('close', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    closers.push(proxy.close, server.close);
    const clients = Array.from({ length: 20 }, () => new LiveClient({ endpoints: [proxy.endpoint] }));
    for (const each of clients) each.join('r1');
    await until('all are live', () => clients.every(({ state }) => state.kind === 'live'));
    assert.equal(proxy.sockets.size, 20);
    await Promise.all(clients.map((each) => each.close()));
    await until('no connection is left', () => proxy.sockets.size === 0);
  });
});
