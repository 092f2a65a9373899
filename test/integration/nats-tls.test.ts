import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { systemClock } from '../../common/clock.ts';
import { defaultConfig } from '../../server/config/config.ts';
import type { AccessSettings } from '../../server/gateway/nats-access.ts';
import { natsAccess } from '../../server/gateway/nats-access.ts';
import type { NatsAccess } from '../../server/nats/access/access.ts';
import { protocolOf } from '../../server/nats/client-internals.ts';
import type { NatsConnection } from '../../server/nats/connection/connection.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import { until } from '../helpers/poll.ts';
import { SecuredNats } from '../helpers/secured-nats.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const INFO = { server_id: 'x', version: '2.10.0', proto: 1, headers: true, max_payload: 1_048_576 };

/** Greets whoever comes, as a nats-server would, and keeps what they send. */
class Eavesdropper implements AsyncDisposable {
  readonly #server: Server;
  accepted = 0;
  heard = '';

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param greeting of its INFO; what is in `behind` follows it at once */
  static async listen(greeting: object, behind = '', port = 0): Promise<Eavesdropper> {
    const server = createServer();
    const eavesdropper = new Eavesdropper(server);
    server.on('connection', (socket) => {
      eavesdropper.accepted++;
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        eavesdropper.heard += data.toString('latin1');
        if (data.includes('PING')) socket.write('PONG\r\n');
      });
      socket.write(`INFO ${JSON.stringify({ ...INFO, ...greeting })}\r\n${behind}`);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return eavesdropper;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('TLS towards NATS', () => {
  let directory: TempDir;
  let authority: Authority;
  let identity: Identity;
  let password: string;
  let lines: string[];

  before(async () => {
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identity = await authority.issue();
    password = join(directory.path, 'password');
    await writeFile(password, 'tls-secret');
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(() => {
    lines = [];
  });

  const USER = 'authorization { user: gw, password: tls-secret }';
  const tls = ({ certFile, keyFile }: Identity, more = ''): string =>
    `${USER}\ntls { cert_file: "${certFile}", key_file: "${keyFile}", ${more} }`;
  const log = createLogger('debug', { write: (line) => void lines.push(line) });
  const explained = (): string[] => lines.filter((line) => line.includes('still no connection to NATS'));

  const access = (nats: readonly string[], settings: Partial<AccessSettings> = {}): NatsAccess =>
    natsAccess(
      defaultConfig({
        nats,
        natsUser: 'gw',
        natsPasswordFile: password,
        natsCa: authority.caFile,
        ...settings,
      }),
    ) as NatsAccess;

  async function connected(
    nats: readonly string[],
    settings: Partial<AccessSettings> = {},
  ): Promise<NatsConnection & AsyncDisposable> {
    const connection = await connectNats(access(nats, settings), 'test', systemClock, log);
    return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
  }

  const socketOf = ({ nc }: NatsConnection): unknown => protocolOf(nc).transport?.socket;

  const GREETINGS: readonly (readonly [what: string, greeting: object, behind?: string])[] = [
    ['that offers no TLS', {}],
    ['whose greeting hardly offers it', { tls_available: 1 }],
    ['whose greeting denies it', { tls_available: false, tls_required: 0 }],
    ['that says more in the clear', { tls_required: true }, 'PING\r\n'],
  ];
  for (const [what, greeting, behind] of GREETINGS) {
    for (const [by, settings] of [
      ['tls://', { natsCa: undefined }],
      ['--nats-ca', {}],
    ] as const) {
      it(`sends nothing to a server ${what}, as asked by ${by}`, async () => {
        await using server = await Eavesdropper.listen(greeting, behind);
        const address = `${by === 'tls://' ? 'tls' : 'nats'}://127.0.0.1:${server.port}`;
        const clock = new SkippingClock();
        let outcome = '';
        void connectNats(access([address], settings), 'test', clock, log).then(
          async (connection) => {
            await connection.close();
            outcome = 'connected';
          },
          (error: unknown) => (outcome = String(error)),
        );
        await until('it gives up', () => {
          clock.skip(500);
          return outcome;
        });
        if (behind === undefined)
          assert.match(outcome, /does not offer TLS, which is required.*nothing was sent/);
        assert.ok(server.accepted >= 2, 'by the client, and asked why');
        assert.equal(server.heard, '');
      });
    }
  }

  it('sends nothing to a real server without TLS', async () => {
    await using nats = await SecuredNats.start(`${USER}\ntrace: true`);
    await assert.rejects(connected([nats.url]), /does not offer TLS, which is required/);
    const traced = (await nats.log()).split('\n').filter((line) => line.includes('<<-'));
    assert.deepEqual(traced, []);
  });

  it('sends nothing in the clear when it connects again, and the log says why', async () => {
    await using nats = await SecuredNats.start(tls(identity));
    await using connection = await connected([nats.url]);
    await nats.kill();
    {
      await using impostor = await Eavesdropper.listen({ tls_available: 1 }, '', nats.port);
      await until('it is explained', () => explained().length > 0 && impostor.accepted > 2);
      assert.match(explained()[0] ?? '', /does not offer TLS, which is required/);
      assert.equal(impostor.heard, '');
    }
    await nats.restart();
    await until('it is back', () => connection.up);
  });

  it('sends nothing in the clear to a server that another one has named', async () => {
    await using impostor = await Eavesdropper.listen({});
    const named = { tls_required: true, connect_urls: [`127.0.0.1:${impostor.port}`] };
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      const encrypted = new TLSSocket(socket, { isServer: true, cert: identity.cert, key: identity.key });
      encrypted.on('error', () => undefined);
      encrypted.on('data', (data: Buffer) => data.includes('PING') && encrypted.write('PONG\r\n'));
      socket.write(`INFO ${JSON.stringify({ ...INFO, ...named })}\r\n`);
      ending.add(socket);
    });
    const ending = new Set<Socket>();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using connection = await connected([`nats://127.0.0.1:${(server.address() as AddressInfo).port}`]);
    server.close();
    for (const socket of ending) socket.destroy();
    await until('it has tried the other again and again', () => impostor.accepted > 1);
    assert.equal(connection.up, false);
    assert.equal(impostor.heard, '');
  });

  it('encrypts, counts the bytes that come, and cuts', async () => {
    await using nats = await SecuredNats.start(tls(identity));
    await using connection = await connected([nats.url]);
    const socket = socketOf(connection);
    assert.ok(socket instanceof TLSSocket);
    const before = connection.bytesReceived;
    connection.nc.subscribe('a', { callback: () => undefined });
    connection.nc.publish('a', new Uint8Array(100_000));
    await connection.sync();
    assert.ok(connection.bytesReceived >= before + 100_000);
    const after = connection.bytesReceived;
    socket.destroy();
    await until('it was lost', () => !connection.up);
    await until('it is back', () => connection.up && connection.bytesReceived > after);
    assert.ok(socketOf(connection) instanceof TLSSocket);
    assert.notEqual(socketOf(connection), socket);
  });

  it('encrypts without being asked where the server offers it, and trusts no stranger then', async () => {
    await using nats = await SecuredNats.start(tls(identity));
    await assert.rejects(
      connected([nats.url], { natsCa: undefined }),
      /not signed by a known authority: name .* --nats-ca/,
    );
  });

  it('says what is wrong with the certificate of a server', async () => {
    const stranger = await Authority.create(directory.path, 'stranger');
    await using nats = await SecuredNats.start(tls(await stranger.issue()));
    await assert.rejects(connected([nats.url]), /not signed by an authority in --nats-ca/);
    await nats.restart(tls(await authority.issue('DNS:elsewhere.example')));
    await assert.rejects(connected([nats.url]), /certificate of the server is not for 127\.0\.0\.1 \(/);
  });

  it('holds a certificate against the address, not against localhost', async () => {
    await using nats = await SecuredNats.start(tls(await authority.issue('IP:127.0.0.1')));
    await using connection = await connected([nats.url]);
    assert.equal(connection.up, true);
    await nats.restart(tls(await authority.issue('DNS:localhost')));
    await assert.rejects(connected([nats.url]), /certificate of the server is not for 127\.0\.0\.1/);
    await using byName = await connected([nats.url.replace('127.0.0.1', 'localhost')]);
    assert.equal(byName.up, true);
  });

  it('shows a certificate to a server that asks for one, and follows its files', async () => {
    const verify = `ca_file: "${authority.caFile}", verify: true`;
    await using nats = await SecuredNats.start(tls(identity, verify));
    await assert.rejects(
      connected([nats.url]),
      /asks for the certificate of the client: .*--nats-cert and --nats-key/,
    );
    const stranger = await Authority.create(directory.path, 'other');
    const { certFile, keyFile } = await stranger.issue();
    const client = { natsCert: certFile, natsKey: keyFile };
    await assert.rejects(connected([nats.url], client), /does not take the certificate of --nats-cert/);
    const own = await authority.issue();
    await writeFile(certFile, own.cert);
    await writeFile(keyFile, own.key);
    await using connection = await connected([nats.url], client);
    await rm(keyFile);
    await nats.restart();
    await until('it is explained', () => explained().length > 0);
    assert.match(explained()[0] ?? '', /--nats-key: .* cannot be read \(ENOENT\)/);
    await writeFile(keyFile, own.key);
    await until('it is back', () => connection.up);
  });
});
