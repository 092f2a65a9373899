import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import { LiveClient } from '../../client/index.ts';
import { parseAddress } from '../../common/units.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const WORKERS = 2;

describe('live-server with TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let identities: readonly [Identity, Identity];
  let files: { cert: string; key: string };
  let args: readonly string[];
  let server: ServerProcess;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identities = await Promise.all([authority.issue(), authority.issue()]);
    files = { cert: join(directory.path, 'tls.crt'), key: join(directory.path, 'tls.key') };
    args = ['--tls-cert', files.cert, '--tls-key', files.key];
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  beforeEach(() => write(identities[0]));

  afterEach(() => server[Symbol.asyncDispose]());

  async function write({ cert, key }: Identity): Promise<void> {
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
  }

  const logged = (message: string): Record<string, unknown>[] =>
    server.log.filter(({ msg }) => msg === message);

  async function shownSerial(address: string): Promise<string> {
    const { host, port } = parseAddress(address)!;
    const socket = connect({ host, port, servername: 'localhost', ca: authority.ca, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  it('says so when it is ready', async () => {
    server = await ServerProcess.start(nats.url, ...args, '--tls-client-ca', authority.caFile);
    assert.equal(logged('ready')[0]?.['tls'], 'mutual');
  });

  for (const workers of [1, WORKERS]) {
    it(`${workers} processes: a certificate that cannot be used ends the start with exit code 3, and names the setting`, async () => {
      await writeFile(files.key, identities[1].key);
      server = new ServerProcess([
        '--nats',
        nats.url,
        '--listen',
        '127.0.0.1:0',
        '--workers',
        `${workers}`,
        ...args,
      ]);
      assert.equal(await server.exit(), 3);
      assert.match(server.stderr, /--tls-key \S+tls\.key: does not belong to the certificate in \S+tls\.crt/);
    });

    it(`${workers} processes: SIGHUP takes a new certificate, and drops nobody`, async () => {
      const metrics = ['--metrics', '127.0.0.1:0', '--workers', `${workers}`];
      server = await ServerProcess.start(nats.url, ...args, ...metrics);
      const address = await server.address();
      const first = await shownSerial(address);
      const clients = Array.from(
        { length: 2 * workers },
        () =>
          new LiveClient({
            endpoints: [address],
            credentials: credentials.createSsl(Buffer.from(authority.ca)),
          }),
      );
      for (const client of clients) await client.join('r')[Symbol.asyncIterator]().next();
      await writeFile(files.cert, identities[1].cert);
      server.signal('SIGHUP');
      await until(
        'what is wrong is told',
        () => logged('certificates cannot be replaced: the former ones stay')[0],
      );
      assert.equal(await shownSerial(address), first);
      await write(identities[1]);
      server.signal('SIGHUP');
      await until('the new one is taken', () => logged('certificates replaced')[0]);
      await until('all show the new one', async () => {
        // Connections are dealt to the workers in turn.
        const shown = new Set<string>();
        for (let n = 0; n < workers; n++) shown.add(await shownSerial(address));
        return shown.size === 1 && !shown.has(first);
      });
      for (const client of clients) {
        await client.publish('r', { type: 'gift', payload: 'rose' });
        assert.equal(client.counters.connects, 1);
        await client.close();
      }
      const page = await (await fetch(`http://${String(logged('ready')[0]?.['metrics'])}/metrics`)).text();
      const [, expiry] = /^live_gateway_certificate_expiry_timestamp_seconds (\S+)$/m.exec(page) ?? [];
      const days = (Number(expiry) * 1_000 - Date.now()) / 86_400_000;
      assert.ok(days > 18 && days < 21, `${days}`);
    });
  }

  it('a worker that replaces a dead one has the certificate of the others, whatever the files hold', async () => {
    server = await ServerProcess.start(nats.url, ...args, '--workers', `${WORKERS}`);
    const address = await server.address();
    const first = await shownSerial(address);
    await writeFile(files.cert, 'no certificate');
    const [victim] = descendantsOf(server.pid);
    process.kill(victim!, 'SIGKILL');
    await until('it is replaced', () => {
      const now = descendantsOf(server.pid);
      return now.length === WORKERS && !now.includes(victim!);
    });
    await until('both serve', async () => {
      for (let n = 0; n < WORKERS; n++) assert.equal(await shownSerial(address), first);
      return descendantsOf(server.pid).length === WORKERS;
    });
    assert.equal(logged('a worker could not be replaced: it is tried again').length, 0);
  });
});
