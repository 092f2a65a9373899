import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect as netConnect } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { credentials } from '@grpc/grpc-js';
import type { LiveClient } from '../../client/index.ts';
import { LiveStub } from '../../protos/live.ts';
import { parseAddress } from '../../common/units.ts';
import type { Certificates } from '../../server/tls/certificates.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** How long the gateway lets a handshake take. */
const HANDSHAKE_MS = 10_000;
const LOOK_MS = 5_000;

/** How an attempt to connect by TLS went, as the client sees it: until it has got something, or it is over. */
type Attempt =
  | {
      readonly kind: 'served';
      readonly alpn: TLSSocket['alpnProtocol'];
      readonly protocol: string | null;
      readonly serial: string;
    }
  | { readonly kind: 'closed'; readonly handshake: boolean; readonly error: string };

describe('a gateway with TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let identities: readonly [Identity, Identity];
  let files: { tlsCert: string; tlsKey: string };
  let clock: SkippingClock;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identities = await Promise.all([authority.issue(), authority.issue()]);
    files = { tlsCert: join(directory.path, 'tls.crt'), tlsKey: join(directory.path, 'tls.key') };
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    clock = new SkippingClock();
    await write(identities[0]);
  });

  afterEach(() => gateway.close());

  async function write({ cert, key }: Pick<Certificates, 'cert' | 'key'>): Promise<void> {
    await writeFile(files.tlsCert, cert);
    await writeFile(files.tlsKey, key);
  }

  async function serve(overrides: Parameters<typeof startTestGateway>[1] = {}): Promise<void> {
    gateway = await startTestGateway(nats.url, { ...files, ...overrides }, { clock });
  }

  const viewer = (identity?: Identity): LiveClient =>
    gateway.client({
      credentials: credentials.createSsl(
        Buffer.from(authority.ca),
        identity && Buffer.from(identity.key),
        identity && Buffer.from(identity.cert),
      ),
    });

  function dial(options: ConnectionOptions = {}): TLSSocket {
    const { host, port } = parseAddress(gateway.address)!;
    const socket = connect({ host, port, ca: authority.ca, servername: 'localhost', ...options });
    socket.on('error', () => undefined);
    return socket;
  }

  /** What came of it: HTTP/2 servers speak first. */
  async function attempt(options: ConnectionOptions = {}): Promise<Attempt> {
    const socket = dial(options);
    let handshake = false;
    let error = '';
    socket.on('secureConnect', () => (handshake = true));
    socket.on('error', (reason: Error) => (error = reason.message));
    const served = new Promise<Attempt>((resolve) => {
      socket.once('data', () =>
        resolve({
          kind: 'served',
          alpn: socket.alpnProtocol,
          protocol: socket.getProtocol(),
          serial: socket.getPeerCertificate().serialNumber,
        }),
      );
    });
    const closed = new Promise<Attempt>((resolve) => {
      socket.once('close', () => resolve({ kind: 'closed', handshake, error }));
    });
    const outcome = await Promise.race([served, closed]);
    socket.destroy();
    return outcome;
  }

  const h2 = { ALPNProtocols: ['h2'] };

  async function servedSerial(): Promise<string> {
    const outcome = await attempt(h2);
    assert.ok(outcome.kind === 'served', JSON.stringify(outcome));
    return outcome.serial;
  }

  const nobodyIsLeft = (): Promise<unknown> =>
    until('no connection is left', () => gateway.stats.connections === 0);

  describe('serves', () => {
    it('viewers, with a certificate that they verify; others learn why not', async () => {
      await serve();
      assert.equal(gateway.tls, 'server');
      const joined = viewer().join('r')[Symbol.asyncIterator]();
      assert.equal((await joined.next()).value?.kind, 'joined');
      await viewer().publish('r', { type: 'gift', payload: 'rose' });
      const stranger = gateway.client({ credentials: credentials.createSsl() });
      await assert.rejects(stranger.room('r'), /unable to (verify|get)|self-signed/);
    });

    it('TLS 1.2 and 1.3, and nothing older', async () => {
      await serve();
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const outcome = await attempt({ ...h2, minVersion: version, maxVersion: version });
        assert.ok(outcome.kind === 'served', JSON.stringify(outcome));
        assert.deepEqual([outcome.alpn, outcome.protocol], ['h2', version]);
      }
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      const outcome = await attempt({ ...h2, ...old });
      assert.ok(outcome.kind === 'closed' && !outcome.handshake, JSON.stringify(outcome));
      assert.match(outcome.error, /alert protocol version/);
      await nobodyIsLeft();
    });

    it('OpenSSL is content with it', async () => {
      await serve();
      const args = ['s_client', '-connect', gateway.address, '-alpn', 'h2', '-CAfile', authority.caFile];
      const child = promisify(execFile)('openssl', [
        ...args,
        '-verify_return_error',
        '-verify_ip',
        '127.0.0.1',
      ]);
      child.child.stdin?.end('Q\n');
      const { stdout } = await child;
      assert.match(stdout, /ALPN protocol: h2/);
      assert.match(stdout, /Verify return code: 0 \(ok\)/);
    });
  });

  it('a connection that is closed is gone, even if its other end keeps its half', async () => {
    await serve({ idleTimeoutMs: 100 });
    const { host, port } = parseAddress(gateway.address)!;
    const plain = netConnect({ host, port, allowHalfOpen: true });
    const deaf = dial({ socket: plain, ALPNProtocols: ['h2'], allowHalfOpen: true } as ConnectionOptions);
    await once(deaf.resume(), 'end');
    await until('none is left', () => {
      clock.skip(1_000);
      return gateway.stats.connections === 0;
    });
    deaf.destroy();
  });

  it('cuts off a viewer that takes nothing, and nobody else', async () => {
    const slowConsumerTimeoutMs = 600_000;
    await serve({ slowConsumerTimeoutMs });
    const stub = new LiveStub(gateway.address, credentials.createSsl(Buffer.from(authority.ca)));
    const stuck = stub.connect();
    let joined = 0;
    stuck.on('error', () => undefined).on('data', () => joined++);
    stuck.write({ hello: { client: 'stuck' } });
    stuck.write({ join: { room: 'hot', start: { live: {} } } });
    await until('it is in', () => joined > 1);
    stuck.pause();
    const client = viewer();
    // More than the kernel and TLS take for a connection.
    const payload = Buffer.alloc(256 * 1024, 'x');
    for (let n = 0; n < 40; n++) await client.publish('hot', { type: 'gift', payload });
    await until('it is cut off', () => {
      clock.skip(slowConsumerTimeoutMs / 30);
      return gateway.stats.sessions === 1 && gateway.stats.connections === 1;
    });
    assert.equal(client.counters.connects, 1);
    stub.close();
  });

  describe('refuses', () => {
    it('who offers other protocols, with an alert', async () => {
      await serve();
      const outcome = await attempt({ ALPNProtocols: ['http/1.1'] });
      assert.ok(outcome.kind === 'closed' && !outcome.handshake, JSON.stringify(outcome));
      assert.match(outcome.error, /no application protocol/);
      await nobodyIsLeft();
    });

    it('who names no protocol, by closing the connection in order', async () => {
      await serve();
      const outcome = await attempt();
      assert.deepEqual(outcome, { kind: 'closed', handshake: true, error: '' });
      await nobodyIsLeft();
    });

    it('who speaks no TLS', async () => {
      await serve();
      const { host, port } = parseAddress(gateway.address)!;
      const socket = netConnect(port, host).on('error', () => undefined);
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      socket.resume();
      await once(socket, 'close');
      await assert.rejects(gateway.client({ backoff: { baseMs: 1, maxMs: 1 } }).room('r'));
      await nobodyIsLeft();
    });

    it('who does not finish the handshake, after ten seconds', async () => {
      await serve();
      const { host, port } = parseAddress(gateway.address)!;
      const sockets = [netConnect(port, host), netConnect(port, host), netConnect(port, host)];
      for (const socket of sockets) socket.on('error', () => undefined).resume();
      // The head of a record that promises more than comes.
      sockets[1]?.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
      const finished = dial(h2);
      await once(finished, 'data');
      await until('all are counted', () => gateway.stats.connections === 4);
      clock.skip(HANDSHAKE_MS - 1_000);
      assert.equal(gateway.stats.connections, 4);
      clock.skip(1_000);
      await until('only who has finished is left', () => gateway.stats.connections === 1);
      finished.destroy();
    });

    it('and lets go of handshakes under way when it closes', async () => {
      await serve();
      const { host, port } = parseAddress(gateway.address)!;
      const socket = netConnect(port, host)
        .on('error', () => undefined)
        .resume();
      await until('it is counted', () => gateway.stats.connections === 1);
      const closed = once(socket, 'close');
      await gateway.close();
      await closed;
    });
  });

  describe('and certificates of clients', () => {
    let foreign: Identity;

    before(async () => {
      foreign = await (await Authority.create(directory.path, 'foreign')).issue('DNS:viewer');
    });

    beforeEach(() => serve({ tlsClientCa: authority.caFile }));

    it('serves who has one of the right authority', async () => {
      assert.equal(gateway.tls, 'mutual');
      const own = await authority.issue('DNS:viewer');
      const joined = viewer(own).join('r')[Symbol.asyncIterator]();
      assert.equal((await joined.next()).value?.kind, 'joined');
    });

    it('refuses who has none, with an alert', async () => {
      const outcome = await attempt(h2);
      assert.ok(outcome.kind === 'closed', JSON.stringify(outcome));
      assert.match(outcome.error, /alert certificate required/);
      const older = await attempt({ ...h2, maxVersion: 'TLSv1.2' });
      assert.ok(older.kind === 'closed' && !older.handshake, JSON.stringify(older));
      await assert.rejects(viewer().room('r', { timeoutMs: 5_000 }));
      await nobodyIsLeft();
    });

    it('refuses who has one of another authority, before anything is read', async () => {
      const outcome = await attempt({ ...h2, cert: foreign.cert, key: foreign.key });
      assert.equal(outcome.kind, 'closed', JSON.stringify(outcome));
      await assert.rejects(viewer(foreign).room('r', { timeoutMs: 5_000 }));
      assert.equal(gateway.stats.sessions, 0);
      await nobodyIsLeft();
    });
  });

  describe('whose certificate changes', () => {
    const serialOf = ({ cert }: Identity): Promise<string> =>
      promisify(execFile)('openssl', ['x509', '-noout', '-serial', '-in', cert]).then(({ stdout }) =>
        stdout.trim().replace('serial=', ''),
      );

    it('drops nobody, and shows the new one to whoever comes', async () => {
      await serve();
      const first = await servedSerial();
      assert.equal(first, await serialOf({ ...identities[0], cert: identities[0].certFile }));
      const client = viewer();
      const events = client.join('r')[Symbol.asyncIterator]();
      await events.next();
      const expiry = gateway.stats.certificateExpiryMs;
      assert.ok(expiry !== undefined && expiry > Date.now());
      await write(identities[1]);
      await until('the new one is shown', async () => {
        clock.skip(LOOK_MS);
        return (await servedSerial()) !== first;
      });
      await client.publish('r', { type: 'gift', payload: 'rose' });
      assert.equal(client.counters.connects, 1, 'the viewer has noticed nothing');
    });

    it('keeps the old one when the new one cannot be used', async () => {
      await serve();
      const first = await servedSerial();
      await writeFile(files.tlsCert, identities[1].cert);
      gateway.reload();
      clock.skip(LOOK_MS);
      assert.equal(await servedSerial(), first);
      await writeFile(files.tlsKey, identities[1].key);
      gateway.reload();
      await until('the new one is shown', async () => (await servedSerial()) !== first);
    });

    it('judges clients by the new authorities', async () => {
      const other = await Authority.create(directory.path, 'other');
      const tlsClientCa = join(directory.path, 'clients.crt');
      await writeFile(tlsClientCa, authority.ca);
      await serve({ tlsClientCa });
      const [mine, theirs] = await Promise.all([authority.issue('DNS:viewer'), other.issue('DNS:viewer')]);
      const kindFor = async ({ cert, key }: Identity): Promise<string> =>
        (await attempt({ ...h2, cert, key })).kind;
      assert.deepEqual([await kindFor(mine), await kindFor(theirs)], ['served', 'closed']);
      await writeFile(tlsClientCa, other.ca);
      gateway.reload();
      await until('the other authority counts', async () => (await kindFor(theirs)) === 'served');
      assert.equal(await kindFor(mine), 'closed');
    });
  });
});
