import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'nats';
import { findNatsServer } from '../../nats-server/binary.ts';
import { DataDirInUseError } from '../../nats-server/data-dir-lock.ts';
import { startEmbeddedNats } from '../../nats-server/embedded.ts';
import { formerServerEnded } from '../../nats-server/former-server.ts';
import { launchNats, logFile, pidFile } from '../../nats-server/process.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { isAlive } from '../helpers/processes.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('embedded NATS server', () => {
  let binary: string;
  before(async () => {
    binary = await findNatsServer();
  });

  it('serves JetStream on loopback and keeps its messages in the data directory', async () => {
    await using directory = await tempDir();
    const dataDir = join(directory.path, 'new', 'data');
    const first = await startEmbeddedNats({ binary, dataDir });
    assert.equal(new URL(first.url).hostname, '127.0.0.1');
    await store(first.url, 'kept');
    await first.stop();
    assert.equal(isAlive(first.pid), false);

    const second = await startEmbeddedNats({ binary, dataDir });
    assert.equal(await storedMessages(second.url), 1);
    await second.stop();
    await second.stop();
    assert.match(await readFile(logFile(dataDir), 'utf8'), /Server is ready/);
  });

  it('refuses a data directory in use, and takes it when it is free again', async () => {
    await using directory = await tempDir();
    const options = { binary, dataDir: directory.path };
    const first = await startEmbeddedNats(options);
    await assert.rejects(startEmbeddedNats(options), (error: Error) => {
      assert.ok(error instanceof DataDirInUseError);
      return error.message.includes(directory.path) && error.message.includes('--data-dir');
    });
    await first.stop();
    await (await startEmbeddedNats(options)).stop();
  });

  it('refuses a data directory in use by another process, and takes it over when that process is killed', async () => {
    await using directory = await tempDir();
    const options = { binary, dataDir: directory.path };
    const parent = await startParent(directory.path);
    await store(parent.url, 'kept');
    await assert.rejects(startEmbeddedNats(options), DataDirInUseError);

    await parent.kill();
    const successor = await startEmbeddedNats(options);
    assert.equal(isAlive(parent.natsPid), false);
    assert.equal(await storedMessages(successor.url), 1);
    await successor.stop();
  });

  it('does not outlive a parent that is killed', async () => {
    await using directory = await tempDir();
    const parent = await startParent(directory.path);
    await parent.kill();
    await until('the NATS server is gone', () => !isAlive(parent.natsPid));
  });

  it('waits for a server that still runs on its directory', async () => {
    await using directory = await tempDir();
    const former = await launchNats({ binary, directory: directory.path, port: 0 });
    const ended: string[] = [];
    const start = startEmbeddedNats({ binary, dataDir: directory.path }).finally(() => ended.push('start'));
    void former.exited.then(() => ended.push('former'));
    await former.stop();
    await (await start).stop();
    assert.deepEqual(ended, ['former', 'start']);
  });

  it('refuses a directory on which a server goes on running', async () => {
    await using directory = await tempDir();
    const former = await launchNats({ binary, directory: directory.path, port: 0 });
    const { pid } = former;
    await assert.rejects(formerServerEnded(directory.path, undefined, quickClock), (error: Error) => {
      assert.ok(error instanceof DataDirInUseError);
      return error.message.includes(`nats-server, process ${pid};`);
    });
    await former.stop();
    await formerServerEnded(directory.path);
  });

  it('does not wait for a process that only has the number of an earlier server', async () => {
    await using directory = await tempDir();
    const stranger = spawn('sleep', ['60']);
    await once(stranger, 'spawn');
    await writeFile(pidFile(directory.path), String(stranger.pid));
    await (await startEmbeddedNats({ binary, dataDir: directory.path })).stop();
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    stranger.kill();
    await once(stranger, 'exit');
  });

  it('shows the end of the log when the server does not start, and frees the directory', async () => {
    await using directory = await tempDir();
    await using other = await startNats();
    const start = startEmbeddedNats({ binary, dataDir: directory.path, port: other.port });
    await assert.rejects(
      start,
      /nats-server did not start: ended with .*nats-server\.log:\n[^]*address already in use/,
    );
    await (await startEmbeddedNats({ binary, dataDir: directory.path })).stop();
  });

  it('says when the executable cannot be run', async () => {
    await using directory = await tempDir();
    const start = startEmbeddedNats({ binary: '/nonexistent/nats-server', dataDir: directory.path });
    await assert.rejects(start, /ENOENT.*\/nonexistent\/nats-server/);
  });

  it('gives up starting when aborted, and leaves nothing running', async () => {
    await using directory = await tempDir();
    const silent = join(directory.path, 'silent-server');
    await writeFile(silent, '#!/bin/sh\necho "$$" > "$(dirname "$0")/pid"\nexec sleep 60\n', { mode: 0o755 });
    const dataDir = join(directory.path, 'data');
    await mkdir(dataDir);
    const controller = new AbortController();
    const start = startEmbeddedNats({ binary: silent, dataDir, signal: controller.signal });
    const pid = Number(await until('the server runs', () => readFile(join(directory.path, 'pid'), 'utf8')));
    controller.abort(new Error('not needed any more'));
    await assert.rejects(start, /not needed any more/);
    assert.equal(isAlive(pid), false);
  });

  it('tells when the server ends by itself', async () => {
    await using directory = await tempDir();
    const nats = await startEmbeddedNats({ binary, dataDir: directory.path });
    process.kill(nats.pid, 'SIGKILL');
    assert.deepEqual(await nats.exited, { code: null, signal: 'SIGKILL' });
    await nats.stop();
  });
});

interface Parent {
  readonly url: string;
  readonly natsPid: number;
  /** SIGKILL; resolves when the process, not its server, is gone. */
  kill(): Promise<void>;
}

/** Another process with an embedded server on `dataDir`. */
async function startParent(dataDir: string): Promise<Parent> {
  const script = fileURLToPath(new URL('../helpers/embedded-parent.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { url, pid } = JSON.parse(line) as { url: string; pid: number };
  return {
    url,
    natsPid: pid,
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function store(url: string, text: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'TEST', subjects: ['test.>'] });
  await connection.jetstream().publish('test.a', text);
  await connection.close();
}

async function storedMessages(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info('TEST');
  await connection.close();
  return state.messages;
}
