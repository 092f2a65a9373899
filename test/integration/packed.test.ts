import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SCHEMA_FILE } from '../../scripts/configuration-schema.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const APPLICATION = `
import type { CursorStore, LiveClientOptions, RoomEvent } from 'live-gateway/client';
import { LiveClient, LiveError } from 'live-gateway/client';
import { SqliteCursorStore } from 'live-gateway/client/sqlite';

const cursorStore: CursorStore = new SqliteCursorStore(':memory:');
const options: LiveClientOptions = { endpoints: ['127.0.0.1:1'], cursorStore };
const client = new LiveClient(options);
await client.close();
export const seq = (event: RoomEvent): bigint => (event.kind === 'message' ? event.message.seq : 0n);
console.log(await client.room('demo').catch((error) => error instanceof LiveError && error.codeName));
`;

const PAGE = `
import { IndexedDbCursorStore, LiveClient } from 'live-gateway/browser';

const client = new LiveClient({ endpoints: [location.origin], cursorStore: new IndexedDbCursorStore() });
for await (const event of client.join('demo', { from: { last: 20 } }))
  if (event.kind === 'message') document.body.append(new TextDecoder().decode(event.message.payload));
`;

/** What `npm run build` has made, as npm packs it, in a folder of somebody who has installed that. */
describe('the package', () => {
  let directory: TempDir;
  let manifest: Manifest;
  let installed: string;

  /** Runs a program in that folder; gives what it says. */
  async function run(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(program, args, { cwd: directory.path });
    return stdout.trim();
  }

  before(async () => {
    directory = await tempDir();
    installed = join(directory.path, 'node_modules', 'live-gateway');
    await mkdir(installed, { recursive: true });
    const packing = ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory.path];
    const { stdout } = await promisify(execFile)('npm', packing, { cwd: ROOT });
    await run('tar', '-xzf', stdout.trim(), '-C', installed, '--strip-components=1');
    manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;
    // Nothing else that there is here: what it does not say that it needs is missing.
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
      const link = join(directory.path, 'node_modules', name);
      await mkdir(dirname(link), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), link);
    }
    await writeFile(join(directory.path, 'package.json'), '{"type":"module"}');
    await writeFile(join(directory.path, 'application.ts'), APPLICATION);
    await writeFile(join(directory.path, 'page.ts'), PAGE);
  });
  after(() => directory[Symbol.asyncDispose]());

  it('has its programs', async () => {
    for (const file of Object.values(manifest.bin))
      assert.equal(await run(join(installed, file), '--version'), manifest.version);
  });

  it('serves without the packages for traces, and says which they are when they are needed', async () => {
    await using nats = await startNats();
    const program = join(installed, manifest.bin['live-server']!);
    const args = [program, '--nats', nats.url, '--listen', '127.0.0.1:0'];
    const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
    const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let log = '';
      server.stdout.on('data', (text: Buffer) => (log += text.toString()));
      await until('it is ready', () => log.includes('"msg":"ready"'));
      const missing = log.split('\n').find((line) => line.includes('a package is missing'));
      const { install } = JSON.parse(missing ?? '{}') as { install?: string };
      assert.deepEqual(install?.split(' ').sort(), Object.keys(manifest.peerDependencies).sort());
    } finally {
      server.kill('SIGKILL');
    }
  });

  it('has types, however they are found', async () => {
    const options =
      '--strict --noEmit --exactOptionalPropertyTypes --target es2022 --types node --lib es2023,dom';
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const finds = (how: string): Promise<string> =>
      run(tsc, ...options.split(' '), ...how.split(' '), 'application.ts', 'page.ts');
    const found = await Promise.allSettled([
      finds('--module nodenext'),
      // The declarations themselves are checked by the other.
      finds('--module esnext --moduleResolution bundler --skipLibCheck'),
    ]);
    const errors = found.map((one) => one.status === 'rejected' && (one.reason as { stdout: string }).stdout);
    assert.deepEqual(errors, [false, false]);
  });

  it('has a client for Node', async () => {
    const { outputFiles } = await build({
      entryPoints: [join(directory.path, 'application.ts')],
      write: false,
      format: 'esm',
    });
    await writeFile(join(directory.path, 'application.js'), outputFiles[0]!.text);
    assert.equal(await run(process.execPath, 'application.js'), 'CANCELLED');
  });

  it('has a client for pages, which bundlers put together with nothing else', async () => {
    const { metafile, warnings } = await build({
      entryPoints: [join(directory.path, 'page.ts')],
      bundle: true,
      write: false,
      format: 'esm',
      metafile: true,
      absWorkingDir: directory.path,
    });
    assert.deepEqual(Object.keys(metafile.inputs).sort(), [
      'node_modules/live-gateway/dist/browser/live-gateway.js',
      'page.ts',
    ]);
    assert.deepEqual(warnings, []);
  });

  it('has the schema of configuration files, for editors', async () => {
    const schema = await readFile(join(installed, 'docs/live-server.schema.json'), 'utf8');
    assert.equal(schema, await readFile(SCHEMA_FILE, 'utf8'));
  });

  it('has the sources that its source maps speak of, and nothing that only builds need', async () => {
    const files = await readdir(installed, { recursive: true });
    assert.deepEqual(
      files.filter((file) => file.includes('.tsbuildinfo') || /\btest\b/.test(file)),
      [],
    );
    const maps = files.filter((file) => file.endsWith('.map'));
    assert.ok(maps.length > 0);
    for (const file of maps) {
      const map = JSON.parse(await readFile(join(installed, file), 'utf8')) as { sourcesContent?: string[] };
      assert.ok(map.sourcesContent?.[0], file);
    }
  });
});
