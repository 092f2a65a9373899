import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { seededRandom } from '../../common/random.ts';
import type { Fault } from '../../chaos/links/fault.ts';
import { bandwidth } from '../../chaos/links/faults/bandwidth.ts';
import { fin } from '../../chaos/links/faults/fin.ts';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { latency } from '../../chaos/links/faults/latency.ts';
import { oneWay } from '../../chaos/links/faults/one-way.ts';
import { rebind } from '../../chaos/links/faults/rebind.ts';
import { rst } from '../../chaos/links/faults/rst.ts';
import { stall } from '../../chaos/links/faults/stall.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';

const MEGABYTE = 1024 * 1024;

describe('fault proxy', () => {
  let server: TestServer;
  let clock: ManualClock;
  let proxy: FaultProxy;
  let clients: Peer[];

  beforeEach(async () => {
    clients = [];
    server = await TestServer.listen();
    clock = new ManualClock();
    proxy = await FaultProxy.listen(server.target, clock);
  });

  afterEach(async () => {
    await proxy.close();
    assert.equal(proxy.openSockets, 0);
    for (const { socket } of clients) socket.destroy();
    await server.close();
  });

  function dial(port: number): Peer {
    const client = new Peer(connect(port, '127.0.0.1'));
    clients.push(client);
    return client;
  }

  /** A client's and the server's end of a new connection through the proxy, and the link between them. */
  async function open(): Promise<{ client: Peer; remote: Peer; link: ReturnType<FaultProxy['link']> }> {
    const index = proxy.accepted;
    const client = dial(proxy.port);
    await until('the link is open', () => proxy.accepted > index);
    const remote = await server.next();
    return { client, remote, link: proxy.link(index) };
  }

  describe('without faults', () => {
    it('passes bytes both ways and counts them', async () => {
      const { client, remote, link } = await open();
      client.send('question');
      await until('the server has the question', () => remote.text === 'question');
      remote.send('an answer');
      await until('the client has the answer', () => client.text === 'an answer');
      assert.deepEqual([link.bytes.up.received, link.bytes.up.forwarded], [8, 8]);
      assert.deepEqual([proxy.bytes.down.received, proxy.bytes.down.forwarded], [9, 9]);
    });

    it('passes an orderly end, one direction at a time, and forgets the link', async () => {
      const { client, remote, link } = await open();
      client.socket.end('last words');
      await until('the server saw the end', () => remote.ended);
      assert.equal(remote.text, 'last words');
      remote.send('still listening?');
      await until('the other direction still works', () => client.text === 'still listening?');
      remote.socket.end();
      await link.ended;
      assert.deepEqual(proxy.links, []);
      assert.throws(() => proxy.link(0), /no open link 0: 1 accepted so far/);
      assert.equal(proxy.bytes.up.forwarded, 10);
    });

    it('passes an abrupt end', async () => {
      const { client, remote } = await open();
      client.socket.resetAndDestroy();
      await until('the server saw the reset', () => remote.errorCode === 'ECONNRESET');
    });

    it('resets the client when the target refuses', async () => {
      await server.close();
      const client = dial(proxy.port);
      await until('the client saw the reset', () => client.errorCode === 'ECONNRESET');
    });

    it('forwards new connections to another target, and leaves those there are', async () => {
      const first = await open();
      const second = await TestServer.listen();
      proxy.retarget(second.target);
      const client = dial(proxy.port);
      const remote = await second.next();
      client.send('new');
      first.client.send('old');
      await until('each reached its server', () => remote.text === 'new' && first.remote.text === 'old');
      await second.close();
    });

    it('does not buffer without bound for a peer that does not read', async () => {
      const { client, remote, link } = await open();
      remote.socket.pause();
      const sent = client.flood(64 * MEGABYTE);
      await until('the client is pushed back', () => client.socket.writableLength > 32 * MEGABYTE);
      assert.ok(link.bytes.up.received < 16 * MEGABYTE, `took ${link.bytes.up.received} bytes`);
      remote.socket.resume();
      await sent;
      await until('all arrived', () => remote.received === 64 * MEGABYTE);
    });
  });

  describe('rst', () => {
    it('resets both ends', async () => {
      const { client, remote, link } = await open();
      link.apply(rst);
      await until('both saw it', () => [client, remote].every((peer) => peer.errorCode === 'ECONNRESET'));
      await link.ended;
    });
  });

  describe('fin', () => {
    it('ends both ends in order, after the bytes in flight', async () => {
      const { client, remote, link } = await open();
      const held = link.apply(stall);
      client.send('in flight');
      await until('the bytes are on the way', () => link.bytes.up.received === 9);
      link.apply(fin);
      held.lift();
      await until('both saw the end', () => client.ended && remote.ended);
      assert.equal(remote.text, 'in flight');
      assert.deepEqual([client.errorCode, remote.errorCode], [undefined, undefined]);
    });
  });

  describe('half-open', () => {
    it('swallows both directions for ever and tells neither end', async () => {
      const { client, remote, link } = await open();
      const handle = link.apply(halfOpen);
      client.send('lost');
      remote.send('lost too');
      await until('both vanished', () => link.bytes.up.received === 4 && link.bytes.down.received === 8);
      handle.lift();
      client.send('after healing');
      await until('that vanished too', () => link.bytes.up.received === 17);
      client.socket.destroy();
      await until('the client is gone', () => client.socket.closed);
      assert.deepEqual([remote.received, client.received, remote.ended], [0, 0, false]);
      remote.socket.destroy();
      await link.ended;
    });

    it('holds for new connections until lifted, and not after', async () => {
      const handle = proxy.applyAll(halfOpen);
      const during = await open();
      during.client.send('lost');
      await until('it vanished', () => during.link.bytes.up.received === 4);
      handle.lift();
      const after = await open();
      after.client.send('healed');
      await until('new connections are healed', () => after.remote.text === 'healed');
      assert.equal(during.remote.received, 0);
    });
  });

  describe('one-way', () => {
    it('swallows one direction only', async () => {
      const { client, remote, link } = await open();
      link.apply(oneWay('up'));
      client.send('lost');
      await until('it vanished', () => link.bytes.up.received === 4);
      remote.send('heard');
      await until('the other way works', () => client.text === 'heard');
      assert.equal(remote.received, 0);
    });
  });

  describe('stall', () => {
    it('holds bytes and ends back, and passes them in order when lifted', async () => {
      const { client, remote, link } = await open();
      const handle = link.apply(stall);
      client.send('one ');
      client.socket.end('two');
      await until('all is on the way', () => link.bytes.up.received === 7);
      assert.equal(link.bytes.up.forwarded, 0);
      handle.lift();
      await until('the end arrived', () => remote.ended);
      assert.equal(remote.text, 'one two');
    });

    it('pushes the sender back', async () => {
      const { client, remote, link } = await open();
      const handle = link.apply(stall);
      const sent = client.flood(32 * MEGABYTE);
      await until('the client is pushed back', () => client.socket.writableNeedDrain);
      assert.ok(link.bytes.up.received < MEGABYTE, `took ${link.bytes.up.received} bytes`);
      handle.lift();
      await sent;
      await until('all arrived', () => remote.received === 32 * MEGABYTE);
    });
  });

  describe('latency', () => {
    it('counts from the arrival of each chunk, so delays do not add up', async () => {
      const { client, remote, link } = await open();
      link.apply(latency({ delayMs: 100 }, seededRandom(1)));
      client.send('first');
      await until('the first is on the way', () => link.bytes.up.received === 5);
      await tick(clock, 60);
      client.send('second');
      await until('the second is on the way', () => link.bytes.up.received === 11);
      await tick(clock, 39);
      assert.equal(link.bytes.up.forwarded, 0);
      await tick(clock, 1);
      await until('the first arrived', () => remote.text === 'first');
      await tick(clock, 59);
      assert.equal(link.bytes.up.forwarded, 5);
      await tick(clock, 1);
      await until('the second arrived', () => remote.text === 'firstsecond');
    });

    it('lets everything pass when lifted', async () => {
      const { client, remote, link } = await open();
      const handle = link.apply(latency({ delayMs: 1_000_000, jitterMs: 1_000 }, seededRandom(1)));
      client.send('patience');
      await until('it is on the way', () => link.bytes.up.received === 8);
      handle.lift();
      await until('it arrived', () => remote.text === 'patience');
      assert.equal(clock.pending, 0);
    });
  });

  describe('bandwidth', () => {
    it('lets through so many bytes a second', async () => {
      const { client, link } = await open();
      const handle = link.apply(bandwidth(1_000));
      client.send('x'.repeat(2_000));
      await until('all is on the way', () => link.bytes.up.received === 2_000);
      for (let ms = 0; ms < 500; ms += 20) await tick(clock, 20);
      await until('half a second of bytes passed', () => link.bytes.up.forwarded === 500);
      handle.lift();
      await until('the rest passed at once', () => link.bytes.up.forwarded === 2_000);
    });
  });

  describe('rebind', () => {
    it('resets the client at its next byte and leaves the server in the dark', async () => {
      const { client, remote, link } = await open();
      link.apply(rebind);
      remote.send('to the old address');
      await until('it vanished', () => link.bytes.down.received === 18);
      assert.equal(client.socket.closed, false);
      client.send('from the new address');
      await until('the client is reset', () => client.errorCode === 'ECONNRESET');
      assert.deepEqual([remote.received, remote.ended, link.openSockets], [0, false, 1]);
      remote.socket.destroy();
      await link.ended;
    });
  });

  it('keeps every byte in order under any succession of faults that lose none', async () => {
    const chunk = fc.string({ minLength: 1, maxLength: 200 });
    const step = fc.oneof(
      chunk.map((text) => ({ kind: 'send' as const, text })),
      fc.constantFrom('stall', 'latency', 'bandwidth').map((name) => ({ kind: 'apply' as const, name })),
      fc.nat(5).map((which) => ({ kind: 'lift' as const, which })),
      fc.nat(40).map((ms) => ({ kind: 'time' as const, ms })),
    );
    const faults: Record<string, Fault> = {
      stall,
      latency: latency({ delayMs: 20, jitterMs: 30 }, seededRandom(7)),
      bandwidth: bandwidth(10_000),
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { client, remote, link } = await open();
        const handles: { lift(): void }[] = [];
        let sent = '';
        for (const action of steps) {
          if (action.kind === 'send') client.send(action.text);
          if (action.kind === 'send') sent += action.text;
          if (action.kind === 'apply') handles.push(link.apply(faults[action.name] ?? stall));
          if (action.kind === 'lift') handles[action.which]?.lift();
          if (action.kind === 'time') await tick(clock, action.ms);
        }
        client.socket.end();
        for (const handle of handles) handle.lift();
        await until('the end arrived', () => remote.ended);
        assert.equal(remote.text, sent);
        remote.socket.end();
        await link.ended;
      }),
      { numRuns: 50 },
    );
  });

  it('reports a fault that throws when it is closed, and resets the link', async () => {
    const broken = await FaultProxy.listen(server.target);
    const client = dial(broken.port);
    await until('the link is open', () => broken.accepted === 1);
    const apply: Fault['apply'] = (link) => link.shape('up', () => Promise.reject(new Error('planted')));
    broken.link(0).apply({ name: 'broken', apply });
    await until('the client was cut off', () => client.ended);
    await assert.rejects(broken.close(), (error: AggregateError) =>
      String(error.errors[0]).includes('planted'),
    );
  });

  it('carries two thousand links, and closes them all', async () => {
    const links = 2_000;
    for (let index = 0; index < links; index++) dial(proxy.port);
    await until('all are accepted', () => proxy.accepted === links);
    clients.forEach((client, index) => client.send(`viewer ${index}`));
    const expected = clients.reduce((sum, _, index) => sum + `viewer ${index}`.length, 0);
    await until('all was forwarded', () => proxy.bytes.up.forwarded === expected);
    proxy.applyAll(halfOpen);
    proxy.applyAll(latency({ delayMs: 10 }, seededRandom(3)));
    await proxy.close();
    assert.equal(proxy.openSockets, 0);
    await until('every client was told', () => clients.every((client) => client.ended));
  });
});

/** One end of a connection, with what it has seen. */
class Peer {
  readonly socket: Socket;
  text = '';
  received = 0;
  ended = false;
  errorCode: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.allowHalfOpen = true;
    socket.on('data', (bytes) => {
      this.received += bytes.length;
      if (this.received < MEGABYTE) this.text += bytes.toString('utf8');
    });
    socket.on('end', () => (this.ended = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Writes `bytes` bytes at once; resolves when the socket has taken them. */
  async flood(bytes: number): Promise<void> {
    if (!this.socket.write(Buffer.alloc(bytes, 'x'))) await once(this.socket, 'drain');
  }
}

/** A server whose connections are taken one by one. */
class TestServer {
  private readonly server: Server;
  private readonly peers: Peer[] = [];
  private taken = 0;

  static async listen(): Promise<TestServer> {
    const server = new TestServer();
    await once(server.server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }), 'listening');
    return server;
  }

  private constructor() {
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.peers.push(new Peer(socket)));
  }

  get target(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  next(): Promise<Peer> {
    const index = this.taken++;
    return until('the server accepted', () => this.peers[index]);
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Moves time on, and lets what is due run up to the sockets. */
async function tick(clock: ManualClock, byMs: number): Promise<void> {
  clock.advance(byMs);
  await new Promise((resolve) => setImmediate(resolve));
}
