import assert from 'node:assert/strict';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { oneWay } from '../../chaos/links/faults/one-way.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { LiveError } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import type { ServerFrameInput } from '../../protos/live.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import { status } from '../../protos/status-codes.ts';
import { passes, silenceBeforeGivingUp } from '../helpers/client-time.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import { handMadeWebSocketGateway } from '../helpers/websocket-server.ts';

const quick = { baseMs: 1, maxMs: 1 };

/** Passes bytes on to `port`, unless `link.swallows`. */
async function proxyTo(port: number) {
  const sockets = new Set<Socket>();
  const link = { swallows: false };
  const server = createServer((socket) => {
    sockets.add(socket);
    const upstream = connect(port, '127.0.0.1');
    upstream.on('error', () => undefined).on('close', () => socket.destroy());
    socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket);
        upstream.destroy();
      });
    upstream.on('data', (bytes) => link.swallows || socket.write(bytes));
    socket.on('data', (bytes) => link.swallows || upstream.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    link,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A client that is closed with the test, and why its connections ended. */
function clientOf(endpoint: string, options: Partial<ConstructorParameters<typeof LiveClient>[0]> = {}) {
  const client = new LiveClient({ endpoints: [endpoint], backoff: quick, ...options });
  const causes: LiveError[] = [];
  client.on('state', (state) => {
    if (state.kind === 'backoff') causes.push(state.cause);
  });
  return { client, causes, [Symbol.asyncDispose]: () => client.close() };
}

const message = (seq: number, payload: Buffer): ServerFrameInput => ({
  batch: { room: 'r1', reliable: [{ seq, prevSeq: seq - 1, type: 'gift', payload, timeMs: 1 }] },
});

describe('the client by WebSocket', () => {
  it('joins a room, by the path and the sub-protocol of the contract', async () => {
    const asked: (string | undefined)[] = [];
    await using gateway = await handMadeWebSocketGateway({
      frame: ({ request }, { hello }) => {
        if (hello) asked.push(request.url, request.headers['sec-websocket-protocol'], hello.token);
      },
    });
    await using viewer = clientOf(gateway.endpoint, { token: 'token-of-ann' });
    const room = viewer.client.join('r1');
    await until('the room is joined', () => room.head === 1n);
    assert.deepEqual(asked, ['/v1/connect', 'live.v1', 'token-of-ann']);
  });

  it('gives messages in their order, compressed and not', async () => {
    const large = Buffer.alloc(200_000, 'ä');
    await using gateway = await handMadeWebSocketGateway({
      frame: ({ send }, { join }) => {
        if (!join) return;
        send({ deflated: deflateRawSync(encodeServerFrame(message(2, large))) });
        send(message(3, Buffer.from('three')));
        send({ deflated: deflateRawSync(encodeServerFrame(message(4, Buffer.from('four')))) });
      },
    });
    await using viewer = clientOf(gateway.endpoint, { compression: 'deflate' });
    const seen: [bigint, number][] = [];
    for await (const event of viewer.client.join('r1')) {
      if (event.kind === 'message') seen.push([event.message.seq, event.message.payload.length]);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [
      [2n, large.length],
      [3n, 5],
      [4n, 4],
    ]);
  });

  for (const [what, end, expected] of [
    [
      'is told the reason',
      [4008, 'TOO_MANY_ROOMS: leave some'],
      { code: status.RESOURCE_EXHAUSTED, reason: 'TOO_MANY_ROOMS', message: 'leave some' },
    ],
    [
      'is told no reason',
      [4000 + status.PERMISSION_DENIED, 'no'],
      { code: status.PERMISSION_DENIED, reason: 'UNSPECIFIED', message: 'no' },
    ],
  ] as const) {
    it(`ends for good where the gateway closes with a status that says so, and ${what}`, async () => {
      await using gateway = await handMadeWebSocketGateway({
        frame: ({ socket }, { join }) => {
          if (join) socket.close(end[0], end[1]);
        },
      });
      await using viewer = clientOf(gateway.endpoint);
      viewer.client.join('r1');
      const cause = await until('the client is closed', () =>
        viewer.client.state.kind === 'closed' ? viewer.client.state.cause : undefined,
      );
      const { code, reason, message: text } = cause;
      assert.deepEqual({ code, reason, message: text }, expected);
    });
  }

  for (const [what, end, code] of [
    ['closes with 1000', (socket: { close(code: number): void }) => socket.close(1000), status.UNAVAILABLE],
    ['goes away', (socket: { close(code: number): void }) => socket.close(1001), status.UNAVAILABLE],
    ['is gone without a word', (socket: { terminate(): void }) => socket.terminate(), status.UNAVAILABLE],
    ['sends text', (socket: { send(data: string): void }) => socket.send('no frame'), status.INTERNAL],
    [
      'sends what is no frame',
      (socket: { send(data: Buffer): void }) => socket.send(Buffer.from([0xff])),
      status.INTERNAL,
    ],
    [
      'sends what is no DEFLATE',
      (socket: { send(data: Buffer): void }) =>
        socket.send(encodeServerFrame({ deflated: Buffer.from('garbage') })),
      status.INTERNAL,
    ],
    [
      'sends what inflates to more than any message',
      (socket: { send(data: Buffer): void }) =>
        socket.send(encodeServerFrame({ deflated: deflateRawSync(Buffer.alloc(66 * 1024 * 1024)) })),
      status.INTERNAL,
    ],
  ] as const) {
    it(`connects again when the gateway ${what}`, async () => {
      let joins = 0;
      await using gateway = await handMadeWebSocketGateway({
        frame: ({ socket }, { join }) => {
          if (join && joins++ === 0) end(socket);
        },
      });
      await using viewer = clientOf(gateway.endpoint);
      viewer.client.join('r1');
      await until(
        'it is live on the second connection',
        () => joins === 2 && viewer.client.state.kind === 'live',
      );
      assert.deepEqual(
        viewer.causes.map((cause) => cause.code),
        [code],
      );
      await until('one connection is left', () => gateway.streams.size === 1);
    });
  }

  it('is told what a call was answered with that is no answer, such as one without a body', async () => {
    for (const [statusCode, code] of [
      [204, status.UNKNOWN],
      [304, status.UNKNOWN],
      [600, status.UNAVAILABLE],
      [503, status.UNAVAILABLE],
    ] as const) {
      await using gateway = await handMadeWebSocketGateway({
        request: (_request, response) => response.writeHead(statusCode).end(),
      });
      await using viewer = clientOf(gateway.endpoint);
      await assert.rejects(viewer.client.room('r1'), { code });
      await assert.rejects(viewer.client.pull('r1').next(), { code });
    }
  });

  it('takes no more of an answer than the largest there can be', async () => {
    for (const [statusCode, code] of [
      [200, status.INTERNAL],
      [503, status.INTERNAL],
    ] as const) {
      let sent = 0;
      await using gateway = await handMadeWebSocketGateway({
        request: (_request, response) => {
          response.writeHead(statusCode, { 'content-type': 'application/proto' });
          const more = (): void => {
            while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024))) sent += 1;
          };
          response.on('drain', more);
          more();
        },
      });
      await using viewer = clientOf(gateway.endpoint);
      await assert.rejects(viewer.client.room('r1'), { code, message: /more than/ });
      assert.ok(sent < 100, `${sent} MiB`);
    }
  });

  it('is told the status of a refusal whose details make no sense', async () => {
    for (const details of [
      [null],
      [{ type: 'google.rpc.ErrorInfo' }],
      [{ type: 'google.rpc.ErrorInfo', value: '?' }],
    ]) {
      await using gateway = await handMadeWebSocketGateway({
        request: (_request, response) => {
          response.writeHead(404, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ code: 'not_found', message: 'no such room', details }));
        },
      });
      await using viewer = clientOf(gateway.endpoint);
      await assert.rejects(viewer.client.room('r1'), { code: status.NOT_FOUND, message: 'no such room' });
    }
  });

  it('says what answered where no gateway is', async () => {
    await using gateway = await handMadeWebSocketGateway({ request: (_request, response) => response.end() });
    await using viewer = clientOf(gateway.endpoint.replace(/\d+$/, '1'));
    viewer.client.join('r1');
    const refused = await until('it has failed', () => viewer.causes[0]);
    assert.equal(refused.code, status.UNAVAILABLE);
    assert.match(refused.message, /ECONNREFUSED/);
  });

  it('detects a half-open connection within its bound and takes the socket away', async () => {
    await using gateway = await handMadeWebSocketGateway();
    using proxy = await proxyTo(gateway.port);
    const clock = new ManualClock();
    // An attempt may be on its way into the hole when that is closed.
    await using viewer = clientOf(proxy.endpoint, { clock, probeTimeoutMs: 200, connectTimeoutMs: 1_000 });
    const room = viewer.client.join('r1');
    await until('the room is joined', () => room.head === 1n);
    const [victim] = proxy.sockets;
    proxy.link.swallows = true;
    const silentMs = await silenceBeforeGivingUp(viewer.client, clock);
    assert.ok(silentMs <= 200 * 2 + 250 + 200, `${silentMs} ms`);
    await until('the socket is gone', () => victim?.closed);
    proxy.link.swallows = false;
    await passes(clock, 'the client is live again', () => viewer.client.state.kind === 'live');
  });

  it('gives up a connection by which things come, but on which nothing that it sends arrives', async () => {
    await using gateway = await handMadeWebSocketGateway();
    await using proxy = await FaultProxy.listen({ host: '127.0.0.1', port: gateway.port });
    const keepalive = { timeMs: 20, timeoutMs: 2_000 };
    await using viewer = clientOf(`ws://${proxy.address}`, { keepalive });
    const room = viewer.client.join('r1');
    await until('the room is joined', () => room.head === 1n);
    let pings = 0;
    for (const socket of gateway.streams) socket.on('ping', () => (pings += 1));
    await until('its pings have come', () => pings >= 3);
    assert.equal(viewer.client.counters.connects, 1, 'they are answered');
    proxy.link(0).apply(oneWay('up'));
    await until('it has connected again', () => viewer.client.counters.reconnects === 1);
    assert.match(viewer.causes[0]?.message ?? '', /a ping was not answered within 2000 ms/);
  });

  it('has no connection left once it is closed, also one that was only beginning', async () => {
    await using gateway = await handMadeWebSocketGateway();
    using proxy = await proxyTo(gateway.port);
    await using joined = clientOf(proxy.endpoint);
    joined.client.join('r1');
    await until('it is live', () => joined.client.state.kind === 'live');
    await joined.client.close();
    await until('no connection is left', () => proxy.sockets.size === 0);
    proxy.link.swallows = true;
    await using beginning = clientOf(proxy.endpoint);
    beginning.client.join('r1');
    await until('there is a connection', () => proxy.sockets.size === 1);
    await beginning.client.close();
    await until('it is gone', () => proxy.sockets.size === 0);
  });
});
