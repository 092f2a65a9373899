import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import { LiveClient } from '../../client/index.ts';
import { parseNetwork } from '../../common/node/network.ts';
import { parseAddress } from '../../common/units.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { defaultConfig } from '../../server/config/config.ts';
import type { Gateway } from '../../server/gateway/gateway.ts';
import { startGateway } from '../../server/gateway/gateway.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import { LogLines } from '../helpers/log-lines.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { proxyHeaderV1, proxyHeaderV2 } from '../helpers/proxy-headers.ts';
import { RawStream, rawStub } from '../helpers/raw-stream.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const LOOPBACK = [parseNetwork('127.0.0.0/8')!];
const ELSEWHERE = [parseNetwork('192.0.2.0/24')!];
const V1 = proxyHeaderV1('TCP4 198.51.100.7 127.0.0.1 4711 443');
/** The same in version 2, by IPv6, with something that proxies add. */
const V2 = proxyHeaderV2(
  0x21,
  0x21,
  Buffer.concat([
    Buffer.from('20010db8000000000000000000000007', 'hex'),
    Buffer.alloc(16),
    Buffer.from([18, 103, 1, 187]),
    Buffer.from([0x20, 0, 5, 1, 2, 3, 4, 5]),
  ]),
);

/** Passes connections on, and writes a header before what the client says first. */
class HeaderProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param parts of the header; the last one goes with what the client says first, in one packet */
  static async listen(target: string, ...parts: Buffer[]): Promise<HeaderProxy> {
    const proxy = new HeaderProxy(target, parts);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  private constructor(target: string, parts: Buffer[]) {
    this.#server = createServer((client) => {
      const { host, port } = parseAddress(target)!;
      const gateway = connect({ host, port, noDelay: true });
      for (const socket of [client, gateway]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => [client, gateway].forEach((each) => each.destroy()));
      }
      for (const part of parts.slice(0, -1)) gateway.write(part);
      client.once('data', (first) => {
        gateway.write(Buffer.concat([...parts.slice(-1), first]));
        client.pipe(gateway);
      });
      gateway.pipe(client);
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('the address of a viewer behind a proxy', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let identity: Identity;
  let gateway: Gateway;
  let log: LogLines;
  let clock: SkippingClock;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identity = await authority.issue();
  });

  afterEach(() => gateway.close());

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  async function start(overrides: Partial<ServerConfig>): Promise<void> {
    log = new LogLines();
    clock = new SkippingClock();
    const listen = { host: '127.0.0.1', port: 0 };
    const config = defaultConfig({ listen, nats: [nats.url], ...overrides });
    gateway = await startGateway(config, log.logger, { clock });
  }

  const peers = (): unknown[] => log.with('a session begins').map(({ facts }) => facts['peer']);
  const refusals = (): unknown[] => log.with('connection refused').map(({ facts }) => facts['reason']);

  /** A viewer that gets what is published comes in, whatever stands before its words. */
  async function watches(address: string, tls: boolean): Promise<void> {
    const client = new LiveClient({ endpoints: [address], ...(tls ? { tls: { ca: authority.ca } } : {}) });
    const events = client.join('tea')[Symbol.asyncIterator]();
    assert.equal((await events.next()).value?.kind, 'joined');
    // Larger than what comes in one packet.
    const payload = Buffer.alloc(100_000, 'x');
    await client.publish('tea', { type: 'gift', payload });
    for (;;) {
      const { value } = await events.next();
      if (value?.kind !== 'message') continue;
      assert.equal(value.message.payload.length, payload.length);
      break;
    }
    await client.close();
  }

  for (const tls of [false, true]) {
    const secured = tls ? 'with TLS' : 'without TLS';
    const files = (): Partial<ServerConfig> =>
      tls ? { tlsCert: identity.certFile, tlsKey: identity.keyFile } : {};

    for (const [version, header, peer] of [
      ['1', V1, '198.51.100.7:4711'],
      ['2', V2, '[2001:db8::7]:4711'],
    ] as const) {
      it(`is what the PROXY protocol says, version ${version}, ${secured}, however it is cut`, async () => {
        await start({ trustedProxies: LOOPBACK, proxyProtocol: true, ...files() });
        for (const cut of [0, 1, 14, header.length]) {
          await using proxy = await HeaderProxy.listen(
            gateway.address,
            header.subarray(0, cut),
            header.subarray(cut),
          );
          await watches(proxy.address, tls);
        }
        assert.deepEqual(peers(), Array(4).fill(peer));
      });
    }

    it(`is the proxy's own where it speaks for itself, ${secured}`, async () => {
      await start({ trustedProxies: LOOPBACK, proxyProtocol: true, ...files() });
      for (const header of [proxyHeaderV1('UNKNOWN'), proxyHeaderV2(0x20, 0, Buffer.alloc(0))]) {
        await using proxy = await HeaderProxy.listen(gateway.address, header);
        await watches(proxy.address, tls);
      }
      for (const peer of peers()) assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
    });

    it(`viewers that come by themselves are served as ever, beside a proxy, ${secured}`, async () => {
      await start({ trustedProxies: ELSEWHERE, proxyProtocol: true, ...files() });
      await watches(gateway.address, tls);
      assert.match(String(peers()[0]), /^127\.0\.0\.1:\d+$/);
    });
  }

  /** Connects, says something, and waits until it is cut off. */
  async function isCutOff(words: Buffer): Promise<void> {
    const { host, port } = parseAddress(gateway.address)!;
    const socket = connect({ host, port });
    socket.on('error', () => undefined);
    socket.write(words);
    await once(socket, 'close');
    await until('it is logged', () => refusals().length > 0);
  }

  it('a header from an address that is not trusted is refused, and logged', async () => {
    await start({ trustedProxies: ELSEWHERE, proxyProtocol: true });
    await isCutOff(V1);
    assert.match(String(refusals()[0]), /PROXY protocol.*not in --trusted-proxies/);
  });

  it('a trusted proxy without a header is refused: its clients could make one up', async () => {
    await start({ trustedProxies: LOOPBACK, proxyProtocol: true });
    await isCutOff(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    assert.match(String(refusals()[0]), /PROXY protocol.*sent none/);
  });

  it('a malformed header is refused', async () => {
    await start({ trustedProxies: LOOPBACK, proxyProtocol: true });
    await isCutOff(proxyHeaderV1('TCP4 nobody 1.2.3.4 1 2'));
    assert.match(String(refusals()[0]), /PROXY protocol.*malformed/);
  });

  it('a header that does not come is not waited for for ever', async () => {
    await start({ trustedProxies: LOOPBACK, proxyProtocol: true });
    const { host, port } = parseAddress(gateway.address)!;
    const socket = connect({ host, port });
    socket.on('error', () => undefined);
    socket.write(V1.subarray(0, 20));
    await until('it is connected', () => gateway.stats.connections === 1);
    await until('it is cut off', () => {
      clock.skip(1_000);
      return gateway.stats.connections === 0;
    });
    assert.match(String(refusals()[0]), /PROXY protocol.*in time/);
    socket.destroy();
  });

  it('a connection that is closed without a word is not worth a line: so load balancers see whether we are there', async () => {
    await start({ trustedProxies: LOOPBACK, proxyProtocol: true });
    const { host, port } = parseAddress(gateway.address)!;
    const socket = connect({ host, port });
    await until('it is connected', () => gateway.stats.connections === 1);
    socket.end();
    await until('it is gone', () => gateway.stats.connections === 0);
    assert.deepEqual(refusals(), []);
  });

  /** The peers that are logged for streams with such headers, all on one connection. */
  async function peersOf(...forwarded: string[]): Promise<unknown[]> {
    const stub = rawStub(gateway.address);
    for (const [index, value] of forwarded.entries()) {
      const metadata = new Metadata();
      metadata.set('x-forwarded-for', value);
      const call = stub.connect(metadata);
      call.on('error', () => undefined);
      call.write({ hello: {} });
      await until('its session begins', () => peers().length > index);
    }
    stub.close();
    return peers();
  }

  it('is what X-Forwarded-For says on each stream of a connection that a trusted proxy pools', async () => {
    await start({ trustedProxies: LOOPBACK });
    assert.deepEqual(await peersOf('6.6.6.6, 198.51.100.7', '2001:DB8::7'), ['198.51.100.7', '2001:db8::7']);
    assert.equal(gateway.stats.connections, 1);
  });

  it('is not what X-Forwarded-For says when nobody is trusted, or somebody else', async () => {
    await start({});
    const [peer] = await peersOf('198.51.100.7');
    assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
    await gateway.close();
    await start({ trustedProxies: ELSEWHERE });
    const [other] = await peersOf('198.51.100.7');
    assert.match(String(other), /^127\.0\.0\.1:\d+$/);
  });
});

describe('the address of a viewer behind a proxy, by several workers', () => {
  it('is what the PROXY protocol says to each of several workers', async () => {
    const trusted = ['--trusted-proxies', '127.0.0.0/8', '--proxy-protocol', '--workers', '2'];
    await using nats = await startNats();
    await using server = await ServerProcess.start(nats.url, '--log-level', 'debug', ...trusted);
    await using proxy = await HeaderProxy.listen(await server.address(), V1);
    const workers = (): number => {
      const begun = server.log.filter(
        ({ msg, peer }) => msg === 'a session begins' && peer === '198.51.100.7:4711',
      );
      return new Set(begun.map(({ worker }) => worker)).size;
    };
    const streams: RawStream[] = [];
    try {
      await until('a viewer of each has come', () => {
        if (streams.every((stream) => stream.all('welcome').length > 0))
          streams.push(RawStream.hello(proxy.address));
        return workers() === 2;
      });
    } finally {
      for (const stream of streams) stream[Symbol.dispose]();
    }
  });
});
