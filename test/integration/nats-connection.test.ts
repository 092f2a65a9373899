import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../common/clock.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { NatsConnection } from '../../server/nats/connection/connection.ts';
import { openAccess } from '../../server/nats/access/access.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import type { ServerError } from '../../server/nats/connection/wire.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';

const logger = createLogger('silent');

async function connectTo(...urls: string[]): Promise<NatsConnection & AsyncDisposable> {
  const connection = await connectNats(openAccess(urls), 'test', systemClock, logger);
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
}

describe('connection to NATS', () => {
  let nats: TestNats | undefined;

  afterEach(async () => {
    await nats?.stop();
    nats = undefined;
  });

  it('counts the bytes that come, over reconnects', async () => {
    nats = await startNats();
    await using connection = await connectTo(nats.url);
    const before = connection.bytesReceived;
    assert.ok(before > 100, `${before} bytes of greeting`);
    connection.nc.subscribe('a', { callback: () => undefined });
    connection.nc.publish('a', new Uint8Array(100_000));
    await connection.sync();
    const after = connection.bytesReceived;
    assert.ok(after >= before + 100_000, `${before} to ${after}`);
    await nats.restart();
    await until('it is back', () => connection.up && connection.bytesReceived > after);
    assert.ok(connection.bytesReceived < after + 10_000);
  });

  it('says which errors were reported for what was sent since the last time', async () => {
    nats = await startNats({
      config: `
        accounts { LIVE { users: [{ user: u, password: p, permissions: { subscribe: { deny: "secret.>" }, publish: { deny: "shut" } } }], jetstream: enabled } }
        no_auth_user: u
        max_subscriptions: 5`,
    });
    await using connection = await connectTo(nats.url);
    const heard: ServerError[] = [];
    connection.onError((error) => heard.push(error));
    const subscribe = (subject: string) => connection.nc.subscribe(subject, { callback: () => undefined });
    const syncs: Promise<readonly ServerError[]>[] = [];
    for (const subject of ['a', 'secret.b', 'c', 'd', 'e', 'f', 'g']) {
      subscribe(subject);
      syncs.push(connection.sync());
    }
    connection.nc.publish('shut');
    syncs.push(connection.sync());
    const codes = (await Promise.all(syncs)).map((errors) =>
      errors.map(({ code, subject }) => subject ?? code),
    );
    assert.deepEqual(codes, [[], ['secret.b'], [], [], [], [], ['MAX_SUBSCRIPTIONS'], ['shut']]);
    assert.deepEqual(
      heard.map(({ operation, text }) => operation ?? text),
      ['subscription', 'maximum subscriptions exceeded', 'publish'],
    );
    assert.equal(connection.up, true);
  });

  it('tells of a frozen server, and that it is heard again', async () => {
    nats = await startNats();
    await using connection = await connectTo(nats.url);
    const told: boolean[] = [];
    connection.onChange((up) => told.push(up));
    await nats.pause();
    await until('it is told', () => told.length === 1);
    await assert.rejects(
      connection.whileUp(() => Promise.resolve()),
      /away/,
    );
    await assert.rejects(connection.sync(), /away/);
    nats.resume();
    await until('it is heard again', () => connection.up);
    assert.deepEqual(told, [false, true]);
  });

  it('goes to another server when one is frozen', async () => {
    nats = await startNats();
    await using other = await startNats();
    await using connection = await connectTo(nats.url, other.url);
    const [own, rest] =
      connection.nc.getServer() === nats.url.slice('nats://'.length) ? [nats, other] : [other, nats];
    await own.pause();
    await until(
      'it is connected to the other',
      () => connection.up && connection.nc.getServer() === rest.url.slice('nats://'.length),
    );
    own.resume();
  });

  it('passes a server that is full, at the start and when it connects again', async () => {
    nats = await startNats();
    await using full = await startNats({ config: 'max_connections: 1' });
    await using _guest = await connectTo(full.url);
    await using door = await FaultProxy.listen({ host: '127.0.0.1', port: full.port });
    await using connection = await connectTo(door.address, nats.url);
    await nats.restart();
    await until('it is back', () => connection.up && nats?.url.endsWith(connection.nc.getServer()));
    await nats.restart();
    await until('it is back again', () => connection.up && nats?.url.endsWith(connection.nc.getServer()));
    // At the start or later: the client tries them in random order.
    assert.ok(door.accepted > 0, 'it was tried');
  });

  it('goes to a server that was away at the start', async () => {
    nats = await startNats();
    const here = nats.url;
    await using other = await startNats();
    await other.kill();
    // The client tries them in random order: most of these have tried the other one first.
    const connections = await Promise.all(Array.from({ length: 8 }, () => connectTo(other.url, here)));
    await other.restart();
    await nats.kill();
    const there = other.url.slice('nats://'.length);
    await until('all are there', () =>
      connections.every((connection) => connection.up && connection.nc.getServer() === there),
    );
    await Promise.all(connections.map((connection) => connection.close()));
  });

  it('refuses to start with the cause, at once when waiting does not help', async () => {
    nats = await startNats();
    await nats.reload('authorization { user: u, password: p }');
    await assert.rejects(
      connectTo(nats.url),
      /no connection to NATS: nats:\/\/127.*Authorization Violation.*no_auth_user/,
    );
  });

  it('says of each server why it takes no connection, and waits for it', async () => {
    nats = await startNats({ config: 'max_connections: 1' });
    await using _guest = await connectTo(nats.url);
    const foreign = createServer((socket) => void socket.resume().end('220 mail.example.org ESMTP\r\n'));
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const { port } = foreign.address() as AddressInfo;
    const clock = new SkippingClock();
    const urls = [nats.url, 'nats://127.0.0.1:1', `127.0.0.1:${port}`, 'nats://no-such-host.invalid'];
    const connecting = connectNats(openAccess(urls), 'test', clock, logger).then(
      () => 'connected',
      (error: unknown) => String(error),
    );
    let outcome: string | undefined;
    void connecting.then((end) => (outcome = end));
    const message = await until('it gives up', () => {
      clock.skip(500);
      return outcome;
    });
    foreign.close();
    assert.match(message, /:\d+: maximum connections exceeded: raise/);
    assert.match(message, /127\.0\.0\.1:1: connection refused: start the server/);
    assert.match(message, /something else than a NATS server/);
    assert.match(message, /no-such-host\.invalid: no such host/);
  });

  it('says in an outage why, once and when that changes', async () => {
    nats = await startNats();
    const clock = new SkippingClock();
    const lines: string[] = [];
    const log = createLogger('warn', { write: (line) => void lines.push(line) });
    const explained = (): string[] => lines.filter((line) => line.includes('still no connection'));
    const connection = await connectNats(openAccess([nats.url]), 'test', clock, log);
    const passes = (what: string, holds: () => boolean): Promise<unknown> =>
      until(what, () => {
        clock.skip(1_000);
        return holds();
      });
    await nats.kill();
    await passes('it is said', () => explained().length > 0);
    assert.match(explained()[0] ?? '', /connection refused: start the server/);
    const before = clock.monotonicMs();
    await passes('it looks again', () => clock.monotonicMs() > before + 120_000);
    assert.equal(explained().length, 1);
    const foreign = createServer((socket) => void socket.resume().end('220 mail.example.org ESMTP\r\n'));
    foreign.listen(nats.port, '127.0.0.1');
    await passes('it is said that it is something else', () => explained().length > 1);
    assert.match(explained()[1] ?? '', /something else than a NATS server/);
    foreign.close();
    await connection.close();
  });

  it('lets go of what it gave up while a server was frozen', async () => {
    // A server that greets late: what was given up must not become a connection when it does.
    const sockets = new Set<Socket>();
    let frozen = false;
    let accepted = 0;
    const greet = (socket: Socket): void => {
      socket.write(
        'INFO {"server_id":"x","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576}\r\n',
      );
    };
    const server = createServer((socket) => {
      accepted++;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        if (data.includes('PING')) socket.write('PONG\r\n');
      });
      if (!frozen) greet(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const connection = await connectTo(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    frozen = true;
    for (const socket of sockets) socket.destroy();
    await until('it has tried three times', () => accepted === 4);
    frozen = false;
    for (const socket of sockets) greet(socket);
    await until('it is connected, once', () => connection.up && sockets.size === 1);
    await connection.sync();
    await connection.close();
    server.close();
  });
});
