import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { descendantsOf, isAlive } from '../helpers/processes.ts';
import { programArguments } from '../helpers/program.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const signals = ['SIGTERM', 'SIGINT'] as const;

/** Without and with processes of their own for the viewers. */
const shapes: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['one process', []],
  ['workers', ['--workers', '2']],
];

describe('live-server that is told to end', () => {
  let nats: TestNats;
  let directory: TempDir;
  let server: ServerProcess;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  beforeEach(async () => {
    directory = await tempDir();
  });

  afterEach(async () => {
    // One on a terminal of its own is none of ours.
    await (server as ServerProcess | undefined)?.[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  /** A nats-server that sends its parent a signal as soon as it is there, and then is what it should be. */
  async function aimedNats(signal: string): Promise<string> {
    const file = join(directory.path, 'nats-server');
    const real = await findNatsServer();
    const aim = `if [ "$1" != --version ]; then echo $$ > '${directory.path}/pid'; kill -${signal} $PPID; fi`;
    await writeFile(file, `#!/bin/sh\n${aim}\nexec '${real}' "$@"\n`, { mode: 0o755 });
    return file;
  }

  async function startAimed(signal: string, args: readonly string[] = []): Promise<void> {
    const own = ['--nats-server', await aimedNats(signal), '--data-dir', join(directory.path, 'data')];
    server = new ServerProcess(['--listen', '127.0.0.1:0', ...own, ...args]);
  }

  const natsPid = async (): Promise<number> =>
    Number(await until('its NATS server has appeared', () => readFile(join(directory.path, 'pid'), 'utf8')));

  async function endsInOrder(): Promise<void> {
    assert.equal(await server.exit(), 0, server.stdout + server.stderr);
    assert.equal(server.stderr, '');
    assert.equal(server.log.at(-1)?.['msg'], 'stopped');
  }

  for (const [shape, args] of shapes) {
    for (const signal of signals) {
      it(`${signal} as its NATS server appears (${shape}): exit code 0, and no orphan`, async () => {
        await startAimed(signal.slice(3), args);
        await endsInOrder();
        assert.equal(isAlive(await natsPid()), false, 'its NATS server ended before it');
      });

      it(`${signal} while it serves (${shape}): it drains`, async () => {
        server = await ServerProcess.start(nats.url, '--drain', '0s', ...args);
        server.signal(signal);
        await endsInOrder();
        assert.ok(server.log.some((line) => line['msg'] === 'draining' && line['signal'] === signal));
      });
    }

    it(`SIGHUP without files to read again (${shape}): it goes on`, async () => {
      server = await ServerProcess.start(nats.url, '--drain', '0s', ...args);
      server.signal('SIGHUP');
      // Whatever comes of it comes before what comes of the next signal.
      server.signal('SIGTERM');
      await endsInOrder();
      const [draining] = server.log.filter(({ msg }) => msg === 'draining');
      assert.equal(draining?.['signal'], 'SIGTERM');
    });

    it(`SIGTERM while NATS does not answer (${shape}), not SIGHUP: exit code 0`, async () => {
      const sockets: Socket[] = [];
      const silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
      await once(silent.listen(0, '127.0.0.1'), 'listening');
      const { port } = silent.address() as AddressInfo;
      server = new ServerProcess(['--listen', '127.0.0.1:0', '--nats', `nats://127.0.0.1:${port}`, ...args]);
      await until('it is asking NATS', () => sockets.length > 0);
      server.signal('SIGHUP');
      server.signal('SIGTERM');
      await endsInOrder();
      assert.equal(server.log.at(-1)?.['signal'], 'SIGTERM');
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
  }

  it('the end of its terminal: it drains', async function () {
    if (process.platform !== 'linux') return this.skip();
    const log = join(directory.path, 'log');
    const command = [
      process.execPath,
      ...programArguments('server'),
      '--listen',
      '127.0.0.1:0',
      '--nats',
      nats.url,
    ];
    // A terminal that is there for as long as its program: the gateway runs on it, its log goes elsewhere.
    const terminal = spawn(
      'script',
      ['-qc', `exec ${command.join(' ')} --drain 0s > '${log}'`, '/dev/null'],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    const says = (message: string): Promise<unknown> =>
      until(`it says ${message}`, async () => (await readFile(log, 'utf8')).includes(message));
    await says('"ready"');
    terminal.kill('SIGKILL');
    await says('"stopped"');
    assert.match(await readFile(log, 'utf8'), /"signal":"SIGHUP".*"draining"/);
  });

  it('SIGKILL as its NATS server appears: no orphan', async () => {
    await startAimed('KILL');
    assert.equal(await server.exit(), -1);
    const pid = await natsPid();
    await until('its NATS server has ended', () => !isAlive(pid));
  });

  it('SIGTERM as its workers appear: exit code 0, and none is left', async () => {
    server = new ServerProcess(['--listen', '127.0.0.1:0', '--nats', nats.url, '--workers', '3']);
    const workers = await until('a worker has appeared', () => {
      const found = descendantsOf(server.pid);
      return found.length > 0 ? found : undefined;
    });
    server.signal('SIGTERM');
    await endsInOrder();
    assert.deepEqual(workers.filter(isAlive), []);
  });
});
