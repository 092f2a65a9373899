import assert from 'node:assert/strict';
import dns from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { LiveClientOptions } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { NodeSocket } from '../../client/transports/node/socket.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('the client by WebSocket and TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let viewer: Identity;
  let secured: TestGateway;
  let mutual: TestGateway;
  let named: TestGateway;
  const opened: LiveClient[] = [];

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    const [own, other] = await Promise.all([authority.issue(), authority.issue('DNS:gw.example.org')]);
    viewer = await authority.issue('DNS:viewer');
    const http = { host: '127.0.0.1', port: 0 };
    const files = { tlsCert: own.certFile, tlsKey: own.keyFile, http };
    secured = await startTestGateway(nats.url, files);
    mutual = await startTestGateway(nats.url, { ...files, tlsClientCa: authority.caFile });
    named = await startTestGateway(nats.url, { tlsCert: other.certFile, tlsKey: other.keyFile, http });
  });
  afterEach(() => Promise.all(opened.splice(0).map((client) => client.close())));
  after(async () => {
    await Promise.all([secured, mutual, named].map((gateway) => gateway.close()));
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  function at(
    gateway: TestGateway,
    tls: LiveClientOptions['tls'],
    endpoint = `wss://${gateway.http}`,
  ): LiveClient {
    const client = new LiveClient({
      endpoints: [endpoint],
      ...(tls !== undefined && { tls }),
    });
    opened.push(client);
    return client;
  }

  /** It can do everything: a stream, a short call, a stream of answers. */
  async function works(client: LiveClient): Promise<void> {
    await client.publish('r', { type: 'gift', payload: 'rose' });
    assert.ok((await client.room('r')).head > 0n);
    for await (const event of client.pull('r', { limit: 1 })) if (event.kind === 'message') return;
    assert.fail('nothing was pulled');
  }

  it('with an authority, another name, a certificate of its own', async () => {
    await works(at(secured, { ca: authority.ca }));
    await works(at(named, { ca: authority.ca, serverName: 'gw.example.org' }));
    await works(at(mutual, { ca: authority.ca, cert: viewer.cert, key: viewer.key }));
  });

  it('where the first address of a name cannot be reached', async () => {
    const { lookup } = dns;
    const addresses = [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    const both = (_name: string, _options: object, done: (error: null, found: object[]) => void): void =>
      process.nextTick(done, null, addresses);
    dns.lookup = both as typeof lookup;
    try {
      const tls = { ca: authority.ca, serverName: 'localhost' };
      await works(at(secured, tls, `wss://gw.example.org:${secured.http!.split(':')[1]}`));
    } finally {
      dns.lookup = lookup;
    }
  });

  it('leaves no socket behind, however far the end of the connection is when it is given up', async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = sockets();
    const server = createServer({ cert: viewer.cert, key: viewer.key });
    new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
      // Together: the client has begun with the end before it can give up.
      request.socket.cork();
      socket.send('last');
      socket.close(1000);
      request.socket.uncork();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const keepalive = { timeMs: 20_000, timeoutMs: 10_000 };
    for (let turns = 0; turns < 20; turns++)
      await new Promise<void>((resolve) => {
        const giveUp = (left: number): void => {
          if (left > 0) return void setImmediate(giveUp, left - 1);
          socket.destroy();
          resolve();
        };
        const ignore = (): void => undefined;
        const handlers = { open: ignore, message: () => giveUp(turns), close: ignore };
        const socket = new NodeSocket(
          url,
          'live.v1',
          { tls: { ca: authority.ca, checkServerIdentity: () => undefined }, keepalive },
          handlers,
        );
      });
    server.close();
    await until('none is left', () => sockets() <= before);
  });

  it('not where nobody listens; and says so', async () => {
    const client = at(secured, { ca: authority.ca }, 'wss://127.0.0.1:1');
    client.join('r');
    const state = await until('it has failed', () =>
      client.state.kind === 'backoff' ? client.state : undefined,
    );
    assert.match(state.cause.message, /ECONNREFUSED/);
  });

  it('not without an authority that is known, or with another name; and says why', async () => {
    for (const [client, why] of [
      [at(secured, undefined), /unable to verify|unable to get|self-signed/],
      [at(named, { ca: authority.ca }), /does not match certificate/],
    ] as const) {
      await assert.rejects(client.room('r'), why);
      client.join('r');
      const state = await until('it has failed', () =>
        client.state.kind === 'backoff' ? client.state : undefined,
      );
      assert.match(state.cause.message, why);
    }
  });
});
