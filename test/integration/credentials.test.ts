import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nkeys } from '../../server/nats/access/nkeys.ts';
import { JwtOperator } from '../helpers/nats-jwt.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { RunningCli } from '../helpers/cli.ts';
import { SecuredNats } from '../helpers/secured-nats.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const PASSWORD = 'hunter2';

/** Stands for the path of the file in settings. */
const FILE = 'FILE';
const withUser = (user: string): string => `accounts { LIVE { jetstream: enabled, users: [${user}] } }`;
const NKEY = nkeys.createUser();
const SEED = Buffer.from(NKEY.getSeed()).toString();
const OPERATOR = new JwtOperator();
const CREDS = OPERATOR.creds();

/** A secret that NATS asks for. */
interface SecretKind {
  readonly kind: string;
  /** Of the server. */
  readonly config: string;
  /** Of the gateway; without any it is in the address. */
  readonly settings: readonly string[];
  /** What is in the file, and what of it must not be seen. */
  readonly held: string;
  readonly secrets: readonly string[];
}

const KINDS: readonly SecretKind[] = [
  {
    kind: 'password in a file',
    config: withUser(`{ user: u, password: ${PASSWORD} }`),
    settings: ['--nats-user', 'u', '--nats-password-file', FILE],
    held: PASSWORD,
    secrets: [PASSWORD],
  },
  {
    kind: 'token in a file',
    config: `authorization { token: ${PASSWORD} }`,
    settings: ['--nats-token-file', FILE],
    held: PASSWORD,
    secrets: [PASSWORD],
  },
  {
    kind: 'token in an address',
    config: `authorization { token: ${PASSWORD} }`,
    settings: [],
    held: '',
    secrets: [PASSWORD],
  },
  {
    kind: 'seed of an NKey',
    config: withUser(`{ nkey: ${NKEY.getPublicKey()} }`),
    settings: ['--nats-nkey', FILE],
    held: SEED,
    secrets: [SEED],
  },
  {
    kind: 'JWT and its seed',
    config: OPERATOR.config,
    settings: ['--nats-creds', FILE],
    held: CREDS.text,
    secrets: [CREDS.jwt, CREDS.seed],
  },
];

/** The same address with a name and the password. */
const withPassword = (url: string): string => url.replace('://', `://admin:${PASSWORD}@`);

const commandLine = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

describe('live-server with the password of NATS in its settings', () => {
  for (const workers of ['1', '2']) {
    it(`shows it neither in its log nor in its command line (${workers} processes)`, async () => {
      await using nats = await startNats();
      await using directory = await tempDir();
      await using server = await ServerProcess.start(withPassword(nats.url), '--workers', workers);
      const watcher = new RunningCli(['watch', 'r', '--server', await server.address()], directory.path);
      await until('a session has begun', () => server.log.some(({ msg }) => msg === 'a session begins'));
      watcher.signal('SIGTERM');
      await watcher.exit();
      await until('it has ended', () => server.log.some(({ msg }) => msg === 'a session ends'));
      await nats.kill();
      await until('the outage is explained', () => server.stdout.includes('still no connection to NATS'));
      if (process.platform === 'linux') {
        for (const pid of [server.pid, ...descendantsOf(server.pid)])
          assert.doesNotMatch(await commandLine(pid), /hunter2/);
      }
      server.signal('SIGTERM');
      await server.exit();
      assert.match(server.stdout, /nats:\/\/127/);
      assert.doesNotMatch(server.stdout + server.stderr, /hunter2/);
    });
  }

  for (const { kind, config, settings, held, secrets } of KINDS) {
    // Workers get the settings of all kinds alike: the one of two secrets stands for the others.
    for (const workers of secrets.length > 1 ? ['1', '2'] : ['1']) {
      it(`shows no ${kind} either, at the most talkative log level (${workers} processes)`, async () => {
        await using directory = await tempDir();
        const file = join(directory.path, 'secret');
        await writeFile(file, held);
        await using nats = await SecuredNats.start(config);
        const address = settings.length === 0 ? nats.url.replace('://', `://${PASSWORD}@`) : nats.url;
        const told = settings.map((text) => (text === FILE ? file : text));
        const more = ['--log-level', 'debug', '--workers', workers, ...told];
        await using server = await ServerProcess.start(address, ...more);
        // Nobody is let in any more: what was read is refused, and the log says why.
        await nats.restart('authorization { user: nobody, password: nobody }');
        await until('the outage is explained', () => server.stdout.includes('still no connection to NATS'));
        const shown: string[] = [];
        if (process.platform === 'linux')
          for (const pid of [server.pid, ...descendantsOf(server.pid)]) shown.push(await commandLine(pid));
        server.signal('SIGTERM');
        await server.exit();
        const said = shown.join('') + server.stdout + server.stderr;
        for (const secret of secrets) assert.ok(!said.includes(secret));
        // What the start says of it when it is refused.
        await using refused = new ServerProcess(['--nats', address, '--listen', '127.0.0.1:0', ...more]);
        assert.equal(await refused.exit(), 3);
        assert.match(refused.stderr, /Authorization Violation/);
        for (const secret of secrets) assert.ok(!(refused.stdout + refused.stderr).includes(secret));
      });
    }
  }

  it('tells the setting, and not what is in the file, when that cannot be used', async () => {
    await using directory = await tempDir();
    const file = join(directory.path, 'secret');
    await writeFile(file, PASSWORD);
    for (const setting of ['--nats-nkey', '--nats-creds', '--nats-ca']) {
      const wrong = new ServerProcess(['--nats', '127.0.0.1:1', setting, file]);
      assert.equal(await wrong.exit(), 2);
      assert.ok(wrong.stderr.startsWith(`live-server: ${setting}: ${file} holds no `), wrong.stderr);
      assert.doesNotMatch(wrong.stdout + wrong.stderr, /hunter2/);
    }
    const both = new ServerProcess(['--nats', `nats://u:${PASSWORD}@127.0.0.1:1`, '--nats-token-file', file]);
    assert.equal(await both.exit(), 2);
    assert.match(both.stderr, /--nats-token-file .* does not go with credentials in --nats/);
    assert.doesNotMatch(both.stderr, /hunter2/);
  });

  it('does not show it when the setting is wrong', async () => {
    const wrong = new ServerProcess(['--nats', `http://admin:${PASSWORD}@host`]);
    assert.equal(await wrong.exit(), 2);
    assert.match(wrong.stderr, /--nats/);
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /hunter2/);
  });
});
