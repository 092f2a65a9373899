import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { parseAddress } from '../../common/units.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('Isolated: connections', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let sockets: Socket[];

  beforeEach(async () => {
    nats = await startNats();
    sockets = [];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
    await nats.stop();
  });

  async function start(overrides: Partial<ServerConfig>): Promise<void> {
    gateway = await startTestGateway(nats.url, {
      listen: { host: '0.0.0.0', port: 0 },
      insecure: true,
      ...overrides,
    });
  }

  /** @param from the client's address */
  function dial(from = '127.0.0.1'): Socket {
    const { port } = parseAddress(gateway.address)!;
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    socket.on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  /** What became of a connection that is refused: how many bytes it got before it was closed. */
  async function refused(socket: Socket): Promise<number> {
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    return socket.bytesRead;
  }

  const viewer = (): RawStream => RawStream.hello(gateway.address.replace('0.0.0.0', '127.0.0.1'));

  it('of one address there are so many and no more; others, and those that are there, are served', async () => {
    await start({ maxConnectionsPerAddress: 3 });
    const there = Array.from({ length: 3 }, () => dial('127.0.0.2'));
    await until('they are there', () => gateway.stats.connections === 3);
    for (let n = 0; n < 50; n++) assert.equal(await refused(dial('127.0.0.2')), 0);
    assert.equal(gateway.stats.refused.get('ADDRESS_CONNECTION_LIMIT'), 50);
    using other = viewer();
    await other.next('welcome');
    await until('nobody else is', () => gateway.stats.connections === 4);
    there[0]?.destroy();
    await until('there is room again', () => gateway.stats.connections === 3);
    dial('127.0.0.2');
    await until('another is there', () => gateway.stats.connections === 4);
    assert.equal(gateway.stats.refused.get('ADDRESS_CONNECTION_LIMIT'), 50);
  });

  it('in all there are so many and no more, wherever they come from', async () => {
    await start({ maxConnections: 2 });
    using there = viewer();
    await there.next('welcome');
    dial('127.0.0.2');
    await until('they are there', () => gateway.stats.connections === 2);
    assert.equal(await refused(dial('127.0.0.3')), 0);
    assert.equal(gateway.stats.refused.get('CONNECTION_LIMIT'), 1);
    there.send({ ping: { nonce: 1 } });
    await there.next('pong');
  });

  it('are refused before a word of TLS is said', async () => {
    await using directory = await tempDir();
    const { certFile: tlsCert, keyFile: tlsKey } = await (await Authority.create(directory.path)).issue();
    gateway = await startTestGateway(nats.url, { maxConnectionsPerAddress: 1, tlsCert, tlsKey });
    dial();
    await until('it is there', () => gateway.stats.connections === 1);
    assert.equal(await refused(dial()), 0);
    await until('nobody else is', () => gateway.stats.connections === 1);
    assert.equal(gateway.stats.refused.get('ADDRESS_CONNECTION_LIMIT'), 1);
  });
});
