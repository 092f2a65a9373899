import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, Socket } from 'node:net';
import type { Msg, NatsConnection as NatsClient } from 'nats';
import { connect, headers } from 'nats';
import { NodeTransport } from 'nats/lib/src/node_transport.js';
import type { ClientProtocol } from '../../server/nats/client-internals.ts';
import { domainOfServer, headerBlockOf, protocolOf } from '../../server/nats/client-internals.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';

const CONFIG = `
server_name: s
jetstream { domain: here }
no_auth_user: anybody
authorization { users: [{ user: anybody, password: any, permissions: { publish: { deny: ["shut"] } } }] }`;

/** One for each thing that the gateway takes of nats.js without a public name: whoever changes its version sees here what has moved. */
describe('the internals of nats.js that the gateway uses', () => {
  let nats: TestNats;
  let nc: NatsClient;
  let protocol: ClientProtocol;

  beforeEach(async () => {
    nats = await startNats({ config: CONFIG });
    nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 10 });
    protocol = protocolOf(nc);
  });

  afterEach(async () => {
    await nc.close();
    await nats.stop();
  });

  it('protocol: a client without it is refused', () => {
    assert.throws(() => protocolOf({} as NatsClient), /keeps the socket of a connection elsewhere/);
  });

  it('protocol.transport.socket: the socket of the connection, by which the bytes come', async () => {
    const socket = protocol.transport?.socket;
    assert.ok(socket instanceof Socket);
    const before = socket.bytesRead;
    await nc.flush();
    assert.equal(socket.bytesRead - before, 'PONG\r\n'.length);
  });

  it('protocol.transport.isClosed: whether it is over', async () => {
    const { transport } = protocol;
    assert.equal(transport?.isClosed, false);
    await nc.close();
    assert.equal(transport.isClosed, true);
  });

  it('protocol.pongs: what flush() returned, the oldest first', async () => {
    const flushes = [nc.flush(), nc.flush()];
    assert.deepEqual([...protocol.pongs], flushes);
    assert.equal(protocol.pongs[0], flushes[0]);
    await Promise.all(flushes);
    assert.equal(protocol.pongs.length, 0);
  });

  it('protocol.servers: their addresses, to which one can be added', () => {
    const known = (): string[] => protocol.servers.getServers().map(({ src }) => src);
    assert.deepEqual(known(), [nats.url]);
    protocol.servers.addServer('nats://127.0.0.1:1');
    assert.deepEqual(known(), [nats.url, 'nats://127.0.0.1:1']);
  });

  it('protocol.connectError: there while a connection is being made, and ends that', async () => {
    // Greets whoever comes, but answers the first alone.
    let accepted = 0;
    const server = createServer((socket) => {
      const answers = accepted++ === 0;
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        if (answers && data.includes('PING')) socket.write('PONG\r\n');
      });
      socket.write('INFO {"server_id":"x","version":"2.9.10","proto":1,"max_payload":1048576}\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const other = await connect({ servers: `127.0.0.1:${port}`, reconnectTimeWait: 10 });
    const { transport, connectError, ...rest } = protocolOf(other);
    assert.deepEqual([connectError, rest.pongs.length], [undefined, 0]);
    (transport?.socket as Socket).destroy();
    await until(
      'it is connecting again',
      () => accepted === 2 && protocolOf(other).connectError !== undefined,
    );
    protocolOf(other).connectError?.(new Error('refused'));
    await until('it is connecting once more', () => accepted === 3);
    await other.close();
    server.close();
  });

  it('protocol.processError: called with what a server reports, before the answer to the PING behind it', async () => {
    const called: string[] = [];
    const processError = protocol.processError.bind(protocol);
    const processPong = protocol.processPong.bind(protocol);
    protocol.processError = (line) => {
      called.push(Buffer.from(line).toString());
      processError(line);
    };
    protocol.processPong = () => {
      called.push('PONG');
      processPong();
    };
    nc.publish('shut');
    await nc.flush();
    assert.deepEqual(called, [`'Permissions Violation for Publish to "shut"'`, 'PONG']);
  });

  it('message._msg.hdr and message._rdata: the header block as it came', async () => {
    const messages: Msg[] = [];
    nc.subscribe('open', { callback: (_, message) => messages.push(message) });
    const added = headers();
    added.set('Name', 'value');
    nc.publish('open', 'payload', { headers: added });
    nc.publish('open', 'payload');
    await nc.flush();
    assert.deepEqual(
      messages.map((message) => Buffer.from(headerBlockOf(message)).toString()),
      ['NATS/1.0\r\nName: value\r\n\r\n', ''],
    );
  });

  it('NodeTransport.peekInfo and startTLS: how TLS is begun, behind what has come', () => {
    for (const name of ['peekInfo', 'startTLS'] as const)
      assert.equal(typeof NodeTransport.prototype[name], 'function', name);
    const { transport } = protocol as unknown as { transport: InstanceType<typeof NodeTransport> };
    assert.ok(transport instanceof NodeTransport);
    assert.ok(Array.isArray(transport.yields));
    assert.equal(transport.tlsName, '');
  });

  it('info.domain: the JetStream domain of the server', () => {
    assert.equal(domainOfServer(nc), 'here');
  });
});
