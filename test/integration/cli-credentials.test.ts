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
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

describe('live-cli at a gateway that asks for tokens', () => {
  let nats: TestNats;
  let directory: TempDir;
  let gateway: TestGateway;
  let tokenFile: string;
  let clock: SkippingClock;
  const good = (seconds = 600): string =>
    token({ sub: 'ann', roles: ['publisher'], exp: inSeconds(seconds) });

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    const secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
    tokenFile = join(directory.path, 'token');
    clock = new SkippingClock();
    // What the clock skips is to be too long for tokens only.
    const patience = { slowConsumerTimeoutMs: 86_400_000 };
    gateway = await startTestGateway(nats.url, { jwtSecretFile: secretFile, ...patience }, { clock });
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

  it('reads the file with the token again when that is about to expire, and watches on', async () => {
    await writeFile(tokenFile, `${good(300)}\n`);
    const words = ['w', '--json', '--no-cursor', '--server', gateway.address, '--token-file', tokenFile];
    const watcher = cli('watch', ...words);
    await watcher.object('caught-up');
    await writeFile(tokenFile, good(3_600));
    const { tokensVerified: verifiedBefore, refused } = gateway.stats;
    const expiredBefore = refused.get('TOKEN_EXPIRED');
    clock.skip(241_000);
    await until('the new one has been brought', () => gateway.stats.tokensVerified > verifiedBefore);
    // The time of the first and of its grace is over.
    clock.skip(100_000);
    await gateway.client({ token: good(3_600) }).publish('w', { type: 'gift', payload: 'rose' });
    await watcher.object('message');
    assert.equal(refused.get('TOKEN_EXPIRED'), expiredBefore);
    watcher.signal('SIGINT');
    assert.equal(await watcher.exit(), 0, watcher.stderr);
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
