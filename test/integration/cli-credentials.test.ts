import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

describe('live-cli at a gateway that asks for tokens', () => {
  let nats: TestNats;
  let directory: TempDir;
  let gateway: TestGateway;
  let tokenFile: string;
  const good = (seconds = 600): string =>
    token({ sub: 'ann', roles: ['publisher'], exp: inSeconds(seconds) });

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    const secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
    tokenFile = join(directory.path, 'token');
    gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile, tokenGraceMs: 0 });
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  const cli = (...args: string[]): RunningCli => new RunningCli(args, directory.path);

  it('brings the token that it is given, and says what is wrong with it', async () => {
    const at = ['--server', gateway.address];
    const sent = cli('send', 'r', 'gift', 'x', ...at, '--token', good());
    await until('it shows in no list of processes, or it has ended', async () => {
      const line = await readFile(`/proc/${sent.pid}/cmdline`, 'utf8').catch(() => '');
      return !line.includes('eyJ');
    });
    assert.equal(await sent.exit(), 0, sent.stderr);
    for (const [args, says] of [
      [[], /TOKEN_MISSING/],
      [['--token', good(-600)], /TOKEN_EXPIRED/],
      [['--token', 'nonsense'], /TOKEN_INVALID/],
      [['--token', token({ sub: 'ann', exp: inSeconds(600), rooms: ['other'] })], /NOT_PERMITTED/],
    ] as const) {
      const asked = cli('room', 'r', ...at, ...args);
      assert.equal(await asked.exit(), 1, asked.stderr);
      assert.match(asked.stderr, says);
    }
    for (const wrong of [
      ['--token', 'two words'],
      ['--token', good(), '--token-file', tokenFile],
      ['--token-file', '/does/not/exist'],
    ]) {
      const asked = cli('room', 'r', ...at, ...wrong);
      assert.equal(await asked.exit(), 2, asked.stderr);
    }
  });

  it('reads the file with the token again when that has expired', async () => {
    await writeFile(tokenFile, `${good(2)}\n`);
    const watcher = cli(
      'watch',
      'w',
      '--json',
      '--no-cursor',
      '--server',
      gateway.address,
      '--token-file',
      tokenFile,
    );
    await watcher.object('caught-up');
    await writeFile(tokenFile, good());
    const client = gateway.client({ token: good() });
    const began = Date.now();
    await until('the first token has ended', () => Date.now() > began + 3_000);
    await client.publish('w', { type: 'gift', payload: 'rose' });
    await watcher.object('message');
    watcher.signal('SIGINT');
    await watcher.exit();
  });

  it('keeps it in a context, and takes it to the gateways of that context only', async () => {
    const saved = cli('context', 'save', 'home', '--server', gateway.address, '--token', good());
    assert.equal(await saved.exit(), 0, saved.stderr);
    const asked = cli('send', 'r', 'gift', 'x', '--context', 'home');
    assert.equal(await asked.exit(), 0, asked.stderr);
    const shown = cli('context', 'show', 'home', '--json');
    await shown.exit();
    assert.match(shown.stdout, /"token":"\*\*\*"/);
    const elsewhere = cli(
      'room',
      'r',
      '--context',
      'home',
      '--server',
      `localhost:${gateway.address.split(':')[1]}`,
    );
    assert.equal(await elsewhere.exit(), 1);
    assert.match(elsewhere.stderr, /TOKEN_MISSING/);
  });
});
