import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { descendantsOf } from '../helpers/processes.ts';
import { RunningCli } from '../helpers/cli.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const PASSWORD = 'hunter2';

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

  it('does not show it when the setting is wrong', async () => {
    const wrong = new ServerProcess(['--nats', `http://admin:${PASSWORD}@host`]);
    assert.equal(await wrong.exit(), 2);
    assert.match(wrong.stderr, /--nats/);
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /hunter2/);
  });

  it('says once why there is no connection yet, not with every attempt', async () => {
    await using server = new ServerProcess([
      '--listen',
      '127.0.0.1:0',
      '--nats',
      withPassword('nats://127.0.0.1:1'),
    ]);
    assert.equal(await server.exit(), 3);
    const waits = server.log.filter(({ msg }) => msg === 'no connection to NATS yet, trying again');
    assert.equal(waits.length, 1);
    assert.doesNotMatch(server.stdout + server.stderr, /hunter2/);
  });
});
