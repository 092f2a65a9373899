import assert from 'node:assert/strict';
import { join } from 'node:path';
import { RunningCli } from '../helpers/cli.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-cli and TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let foreign: Authority;
  let client: Identity;
  let gateways: Record<'open' | 'secured' | 'mutual' | 'named', TestGateway>;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    foreign = await Authority.create(directory.path, 'foreign');
    const [own, other] = await Promise.all([authority.issue(), authority.issue('DNS:gw.example.org')]);
    client = await authority.issue('DNS:viewer');
    const http = { host: '127.0.0.1', port: 0 };
    const files = { tlsCert: own.certFile, tlsKey: own.keyFile, http };
    gateways = {
      open: await startTestGateway(nats.url, { http }),
      secured: await startTestGateway(nats.url, files),
      mutual: await startTestGateway(nats.url, { ...files, tlsClientCa: authority.caFile }),
      named: await startTestGateway(nats.url, { tlsCert: other.certFile, tlsKey: other.keyFile, http }),
    };
    await gateways.open.client().publish('r', { type: 'gift', payload: 'rose' });
  });

  after(async () => {
    await Promise.all(Object.values(gateways).map((gateway) => gateway.close()));
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  const cli = (args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCli =>
    new RunningCli(args, join(directory.path, 'home'), undefined, env);

  async function works(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const command = cli(args, env);
    assert.equal(await command.exit(), 0, command.stderr);
    assert.equal(command.stderr, '');
    return command.stdout;
  }

  async function fails(args: readonly string[], why: RegExp): Promise<void> {
    const command = cli(args);
    assert.equal(await command.exit(), 1, command.stdout + command.stderr);
    assert.match(command.stderr, why);
  }

  it('reaches gateways, by flags and by variables, with every command', async () => {
    const { address } = gateways.secured;
    const ca = ['--ca', authority.caFile];
    await works(['room', 'r', '--server', `https://${address}`, ...ca]);
    await works(['pull', 'r', '--server', address, '--tls', ...ca]);
    await works(['send', 'r', 'gift', '{}', '--server', address, ...ca]);
    const variables = { LIVE_SERVER: address, LIVE_CA: authority.caFile };
    await works(['watch', 'r', '--from', 'earliest', '--count', '1', '--json'], variables);
    await works(['room', 'r', '--tls'], variables);
    const identity = ['--cert', client.certFile, '--cert-key', client.keyFile];
    await works(['room', 'r', '--server', gateways.mutual.address, ...ca, ...identity]);
  });

  it('says what is wrong, and what to do', async () => {
    const { open, secured, mutual, named } = gateways;
    const room = (server: string, ...more: string[]): string[] => ['room', 'r', '--server', server, ...more];
    const ca = ['--ca', authority.caFile];
    await fails(room(secured.address), new RegExp(`${secured.address} speaks TLS: add --tls`));
    await fails(room(mutual.address), new RegExp(`${mutual.address} speaks TLS: add --tls`));
    await fails(
      room(open.address, '--tls'),
      new RegExp(`${open.address} does not speak TLS: leave --tls out`),
    );
    await fails(room(secured.address, '--tls'), /is not trusted \(\S+\): name its authority with --ca FILE/);
    await fails(room(secured.address, '--ca', foreign.caFile), /is not trusted/);
    await fails(room(named.address, ...ca), /is for another name \(DNS:gw\.example\.org\)/);
    await fails(room(mutual.address, ...ca), /wants a certificate of yours: --cert FILE --cert-key FILE/);
    const stranger = await foreign.issue('DNS:viewer');
    const identity = ['--cert', stranger.certFile, '--cert-key', stranger.keyFile];
    await fails(room(mutual.address, ...ca, ...identity), /does not accept the certificate of --cert/);
  });

  it('says so by WebSocket, too', async () => {
    const { open, secured, mutual, named } = gateways;
    const room = (server: string, ...more: string[]): string[] => ['room', 'r', '--server', server, ...more];
    const ca = ['--ca', authority.caFile];
    await works(room(`wss://${secured.http}`, ...ca));
    await works(room(`ws://${open.http}`));
    await fails(
      room(`ws://${secured.http}`),
      new RegExp(`${secured.http} speaks TLS: write wss://${secured.http}`),
    );
    await fails(
      room(`wss://${open.http}`),
      new RegExp(`${open.http} does not speak TLS: write ws://${open.http}`),
    );
    await fails(room(`wss://${secured.http}`), /is not trusted \(\S+\): name its authority with --ca FILE/);
    await fails(room(`wss://${named.http}`, ...ca), /is for another name \(DNS:gw\.example\.org\)/);
    await fails(
      room(`wss://${mutual.http}`, ...ca),
      /wants a certificate of yours: --cert FILE --cert-key FILE/,
    );
    const stranger = await foreign.issue('DNS:viewer');
    const identity = ['--cert', stranger.certFile, '--cert-key', stranger.keyFile];
    await fails(
      room(`wss://${mutual.http}`, ...ca, ...identity),
      /does not accept the certificate of --cert/,
    );
    await fails(
      room(`http://${secured.address}`),
      new RegExp(`speaks TLS: write https://${secured.address}`),
    );
  });

  it('says so in every command', async () => {
    const { address } = gateways.secured;
    const advice = new RegExp(`${address} speaks TLS: add --tls`);
    await fails(['pull', 'r', '--server', address], advice);
    await fails(['send', 'r', 'gift', '--timeout', '2s', '--server', address], advice);
    for (const [server, told] of [
      [address, advice],
      [`ws://${gateways.secured.http}`, /speaks TLS: write wss:/],
      [`wss://${gateways.open.http}`, /does not speak TLS: write ws:/],
    ] as const) {
      const watcher = cli(['watch', 'r', '--server', server]);
      await until(`watch says so of ${server}`, () => told.test(watcher.stderr));
      watcher.signal('SIGTERM');
      assert.equal(await watcher.exit(), 0);
    }
  });

  it('keeps contexts, and takes from them what is not said', async () => {
    const server = `https://${gateways.secured.address}`;
    await works(['context', 'save', 'prod', '--server', server, '--ca', authority.caFile]);
    await works(['context', 'save', 'local', '--server', gateways.open.address]);
    await works(['room', 'r', '--context', 'prod']);
    await works(['room', 'r'], { LIVE_CONTEXT: 'prod' });
    await works(['context', 'select', 'prod']);
    await works(['room', 'r']);
    assert.equal(await works(['context', 'ls']), `  local  ${gateways.open.address}\n* prod  ${server}\n`);
    assert.equal(await works(['context', 'show']), `prod\n  server: ${server}\n  ca: ${authority.caFile}\n`);
    const shown: unknown = JSON.parse(await works(['context', 'show', 'local', '--json']));
    assert.deepEqual(shown, { name: 'local', server: gateways.open.address });
    await works(['room', 'r', '--server', `http://${gateways.open.address}`]);
    await works(['context', 'rm', 'prod']);
    assert.equal(await works(['context', 'ls']), `  local  ${gateways.open.address}\n`);
    const missing = cli(['room', 'r', '--context', 'prod']);
    assert.equal(await missing.exit(), 2);
    assert.match(missing.stderr, /there is no context prod/);
    const wrong = cli(['context', 'save', 'bad', '--server', 'nowhere']);
    assert.equal(await wrong.exit(), 2);
    assert.match(wrong.stderr, /--server/);
  });
});
