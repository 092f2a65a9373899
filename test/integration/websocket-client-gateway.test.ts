import assert from 'node:assert/strict';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { LiveClient } from '../../client/index.ts';
import { parseAddress } from '../../common/units.ts';
import { status } from '../../protos/status-codes.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Where a proxy leads. */
const targetOf = (address: string) => parseAddress(address) as { host: string; port: number };

describe('Ordered, Unique, Reliable, Resumable: the client by WebSocket, and a gateway', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let producer: StockProducer;
  const open: LiveClient[] = [];

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    producer = await StockProducer.connect(nats.url);
  });
  afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));
  after(async () => {
    await producer.close();
    await gateway.close();
    await nats.stop();
  });

  function clientOf(...endpoints: string[]): LiveClient {
    const client = new LiveClient({ endpoints, backoff: { baseMs: 1, maxMs: 20 } });
    open.push(client);
    return client;
  }

  function watch(client: LiveClient, room: string): string[] {
    const got: string[] = [];
    void (async () => {
      for await (const event of client.join(room, { from: 'earliest' }))
        if (event.kind === 'message') got.push(Buffer.from(event.message.payload).toString());
    })();
    return got;
  }

  it('gets every message once and in order, however often the connection is cut', async () => {
    const proxy = await FaultProxy.listen(targetOf(gateway.http!));
    const client = clientOf(`ws://${proxy.address}`);
    const got = watch(client, 'cut');
    const expected: string[] = [];
    for (let cut = 0; cut < 10; cut += 1) {
      const payloads = Array.from({ length: 20 }, (_, index) => `${cut}.${index}`);
      expected.push(...payloads);
      for (const payload of payloads) await producer.publish('cut', payload);
      for (const link of proxy.links) link.destroy();
    }
    await until('all have come', () => got.length >= expected.length);
    assert.deepEqual(got, expected);
    assert.ok(client.counters.reconnects > 0);
    await client.close();
    await proxy.close();
  });

  it('publishes over it, asks about rooms and pulls by HTTP', async () => {
    const client = clientOf(`ws://${gateway.http}`);
    const { seq } = await client.publish('calls', { type: 'gift', payload: 'rose', key: 'k1' });
    assert.deepEqual(await client.publish('calls', { type: 'gift', payload: 'rose', key: 'k1' }), {
      seq,
      duplicate: true,
    });
    assert.equal((await client.room('calls')).head, seq);
    const pulled: string[] = [];
    for await (const event of client.pull('calls'))
      pulled.push(event.kind === 'message' ? Buffer.from(event.message.payload).toString() : event.kind);
    assert.deepEqual(pulled, ['rose', 'end']);
  });

  it('pulls what comes in many parts', async () => {
    const payloads = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(100_000)}`);
    await producer.burst('large', payloads);
    const pulled: string[] = [];
    for await (const event of clientOf(`ws://${gateway.http}`).pull('large'))
      if (event.kind === 'message') pulled.push(Buffer.from(event.message.payload).toString());
    assert.deepEqual(pulled, payloads);
  });

  it('is told the status and the reason of a call that is refused, and of a limit', async () => {
    const client = clientOf(`ws://${gateway.http}`);
    await assert.rejects(client.room('nobody-knows'), { code: status.NOT_FOUND, reason: 'ROOM_UNKNOWN' });
    await assert.rejects(client.pull('no room').next(), {
      code: status.INVALID_ARGUMENT,
      reason: 'ROOM_NAME_INVALID',
    });
  });

  it('gives a pull up at once when the application does', async () => {
    const giveUp = new AbortController();
    const parts = clientOf(`ws://${gateway.http}`).pull('large', { signal: giveUp.signal });
    await parts.next();
    giveUp.abort(new Error('enough'));
    await assert.rejects(async () => {
      for await (const event of parts) assert.ok(event);
    }, /enough/);
  });

  it('goes from an endpoint of one kind to one of the other, and on where it was', async () => {
    const dead = { host: '127.0.0.1', port: 1 };
    const proxyTo = (address: string): Promise<FaultProxy> => FaultProxy.listen(targetOf(address));
    const [grpc, webSocket] = await Promise.all([proxyTo(gateway.address), proxyTo(gateway.http!)]);
    grpc.retarget(dead);
    const client = clientOf(grpc.address, `ws://${webSocket.address}`);
    const got = watch(client, 'both');
    await producer.publish('both', 'one');
    await until('it has come by WebSocket', () => got.length === 1);
    grpc.retarget(targetOf(gateway.address));
    webSocket.retarget(dead);
    for (const link of webSocket.links) link.destroy();
    await producer.publish('both', 'two');
    await until('both have come', () => got.length === 2);
    assert.deepEqual(got, ['one', 'two']);
    assert.equal('endpoint' in client.state && client.state.endpoint, grpc.address);
    await client.close();
    await Promise.all([grpc.close(), webSocket.close()]);
  });

  it('is what live-cli watches and sends by', async () => {
    await using directory = await tempDir();
    const server = ['--server', `ws://${gateway.http}`];
    const sent = new RunningCli(['send', 'cli', 'gift', 'rose', ...server], directory.path);
    assert.equal(await sent.exit(), 0, sent.stderr);
    const watch = ['watch', 'cli', '--from', 'earliest', '--no-cursor', '--count', '1', '--json', ...server];
    const watched = new RunningCli(watch, directory.path);
    assert.equal(await watched.exit(), 0, watched.stderr);
    assert.deepEqual(watched.payloads, ['rose']);
  });
});
