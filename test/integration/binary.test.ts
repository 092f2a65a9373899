import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { BinarySource } from '../../nats-server/binary-source.ts';
import type { FindOptions } from '../../nats-server/binary.ts';
import { findNatsServer, NatsBinaryError } from '../../nats-server/binary.ts';
import { RELEASE_VERSION, releaseFolder, releaseSource } from '../../nats-server/fetch-release.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('finding nats-server', () => {
  it('takes the explicit path, and only that', async () => {
    await using machine = await bareMachine();
    const explicit = await machine.install('own', '2.10.1');
    await machine.install('bin', '2.10.1');
    assert.equal(await machine.find({ explicit }), explicit);
    await assert.rejects(machine.find({ explicit: join(machine.path, 'absent') }), /absent cannot be used/);
  });

  it('prefers PATH to the system directories, these to the cache, and the cache to fetching', async () => {
    await using machine = await bareMachine();
    const source = sourceOf('2.10.1');
    const fetched = await machine.find({ sources: [source] });
    assert.equal(fetched, join(machine.path, 'cache/live-gateway', source.cacheName));
    assert.equal(await machine.find({ sources: [{ ...source, fetch: unreachable }] }), fetched);
    const system = await machine.install('sbin', '2.10.1');
    assert.equal(await machine.find({ sources: [source] }), system);
    const inPath = await machine.install('bin', '2.10.1');
    assert.equal(await machine.find({ sources: [source] }), inPath);
  });

  it('passes over a server that is too old or does not run', async () => {
    await using machine = await bareMachine();
    await machine.install('bin', '2.9.9');
    await writeFile(join(await machine.folder('sbin'), 'nats-server'), 'not a program', { mode: 0o755 });
    const source = sourceOf('2.9.10');
    assert.equal(basename(await machine.find({ sources: [source] })), source.cacheName);
    await assert.rejects(
      machine.find({ sources: [sourceOf('2.8.4', 'old')], env: { PATH: '' } }),
      /v2\.8\.4 is older/,
    );
  });

  it('tries one source after the other, and tells before each', async () => {
    await using machine = await bareMachine();
    const told: string[] = [];
    const sources = [sourceOf('2.10.1', 'down', unreachable), sourceOf('2.10.1', 'up')];
    const found = await machine.find({ sources, onProgress: (message) => told.push(message) });
    assert.equal(basename(found), 'up');
    assert.deepEqual(
      told,
      ['down', 'up'].map((name) => `nats-server is not installed, trying ${name}`),
    );
  });

  it('says what was tried and what to install when there is none', async () => {
    await using machine = await bareMachine();
    const search = machine.find({ sources: [sourceOf('2.10.1', 'down', unreachable)] });
    await assert.rejects(search, (error: Error) => {
      assert.ok(error instanceof NatsBinaryError);
      for (const part of [
        'down: unreachable: no route',
        'apt-get install',
        'brew install',
        'docker run',
        '--nats-server',
      ]) {
        assert.ok(error.message.includes(part), `${error.message} lacks ${part}`);
      }
      return true;
    });
  });

  it('survives several searches at once', async () => {
    await using machine = await bareMachine();
    await using mirror = await releaseMirror();
    const searches = Array.from({ length: 5 }, () => machine.find({ sources: [releaseSource(mirror.url)] }));
    assert.equal(new Set(await Promise.all(searches)).size, 1);
    assert.equal((await readdir(join(machine.path, 'cache/live-gateway'))).length, 1);
  });

  it('ends when aborted', async () => {
    await using machine = await bareMachine();
    const search = machine.find({
      sources: [sourceOf('2.10.1')],
      signal: AbortSignal.abort(new Error('enough')),
    });
    await assert.rejects(search, /enough/);
  });
});

describe('fetching the release', () => {
  it('unpacks the verified executable', async () => {
    await using machine = await bareMachine();
    await using mirror = await releaseMirror();
    const found = await machine.find({ sources: [releaseSource(mirror.url)] });
    assert.ok((await readFile(found, 'utf8')).includes(`v${RELEASE_VERSION}`));
  });

  it('refuses an archive with another checksum, and leaves nothing behind', async () => {
    await using machine = await bareMachine();
    await using mirror = await releaseMirror('0'.repeat(64));
    await assert.rejects(
      machine.find({ sources: [releaseSource(mirror.url)] }),
      /has SHA-256 [0-9a-f]{64}, the release says 0{64}/,
    );
    assert.deepEqual(await readdir(join(machine.path, 'cache/live-gateway')), []);
  });

  it('says what the host answered', async () => {
    await using machine = await bareMachine();
    await using mirror = await releaseMirror();
    const search = machine.find({ sources: [releaseSource(`${mirror.url}/elsewhere`)] });
    await assert.rejects(search, /SHA256SUMS answered 404/);
  });
});

interface Machine extends AsyncDisposable {
  readonly path: string;
  /** A folder of this machine, created if absent: `bin` is in its PATH, `sbin` is its system directory. */
  folder(name: string): Promise<string>;
  /** Puts a nats-server that says this version into a folder; resolves with its path. */
  install(folder: string, version: string): Promise<string>;
  /** A search on this machine; nothing is fetched unless sources are given. */
  find(options: FindOptions): Promise<string>;
}

/** A machine, as far as the search sees one, without any nats-server. */
async function bareMachine(): Promise<Machine> {
  const directory = await tempDir();
  const { path } = directory;
  const env = { PATH: join(path, 'bin'), XDG_CACHE_HOME: join(path, 'cache') };
  const folder = async (name: string): Promise<string> => {
    await mkdir(join(path, name), { recursive: true });
    return join(path, name);
  };
  return {
    path,
    folder,
    async install(name, version) {
      const file = join(await folder(name), 'nats-server');
      await writeVersionScript(file, version);
      return file;
    },
    find: (options) =>
      findNatsServer({
        systemDirectories: [join(path, 'sbin')],
        sources: [],
        ...options,
        env: { ...env, ...options.env },
      }),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function sourceOf(version: string, name = 'source', fetch?: BinarySource['fetch']): BinarySource {
  return {
    cacheName: name,
    description: name,
    fetch: fetch ?? ((target) => writeVersionScript(target, version)),
  };
}

async function unreachable(): Promise<void> {
  throw new Error('unreachable', { cause: new Error('no route') });
}

async function writeVersionScript(file: string, version: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\necho nats-server: v${version}\n`);
  await chmod(file, 0o755);
}

interface Mirror extends AsyncDisposable {
  readonly url: string;
}

/** Serves the pinned release for this platform over HTTP; `checksum` replaces the true one in its SHA256SUMS. */
async function releaseMirror(checksum?: string): Promise<Mirror> {
  const archive = await packRelease();
  const sum = checksum ?? createHash('sha256').update(archive).digest('hex');
  const files = new Map<string, string | Buffer>([
    [`/v${RELEASE_VERSION}/SHA256SUMS`, `${'1'.repeat(64)}  other.zip\n${sum}  ${releaseFolder()}.tar.gz\n`],
    [`/v${RELEASE_VERSION}/${releaseFolder()}.tar.gz`, archive],
  ]);
  const server = createServer(({ url = '' }, response) => {
    const file = files.get(url);
    response.writeHead(file === undefined ? 404 : 200).end(file);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function packRelease(): Promise<Buffer> {
  await using directory = await tempDir();
  await mkdir(join(directory.path, releaseFolder()));
  await writeVersionScript(join(directory.path, releaseFolder(), 'nats-server'), RELEASE_VERSION);
  const archive = join(directory.path, 'release.tar.gz');
  await promisify(execFile)('tar', ['-czf', archive, '-C', directory.path, releaseFolder()]);
  return await readFile(archive);
}
