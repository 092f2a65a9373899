import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Says which modules are imported. */
const HOOK = `
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    writeSync(2, 'loaded ' + url + '\\n');
    return next(url, context);
  }
`;

/** The files, as seen from the root, that a process has loaded when it has imported one of ours. */
async function loadedBy(entry: string): Promise<string[]> {
  const script = `
    import { createRequire, register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOK)}`)});
    await import(${JSON.stringify(ROOT + entry)});
    for (const path of Object.keys(createRequire(import.meta.url).cache)) console.error('loaded file://' + path);
  `;
  const node = ['--import=tsx', '--input-type=module', '--eval', script];
  const { stderr } = await promisify(execFile)(process.execPath, node, { cwd: ROOT });
  return [...stderr.matchAll(/^loaded file:\/\/([^?\s]+)/gm)].map(([, path]) => path!.replace(ROOT, ''));
}

/** What the client has no business with. */
const foreign = /^(server|nats-server|chaos|cli)\/|node_modules\/(better-sqlite3|nats|pino|prom-client)\//;

describe('live-gateway/client', () => {
  it('loads neither SQLite nor anything of the server', async () => {
    const loaded = await loadedBy('client/index.ts');
    assert.ok(loaded.includes('client/live-client.ts'), loaded.join('\n'));
    assert.ok(loaded.some((path) => path.includes('node_modules/@grpc/grpc-js/')));
    assert.deepEqual(
      loaded.filter((path) => foreign.test(path)),
      [],
    );
  });

  it('has the store in SQLite apart, which loads no gRPC', async () => {
    const loaded = await loadedBy('client/sqlite.ts');
    assert.ok(loaded.some((path) => path.includes('node_modules/better-sqlite3/')));
    assert.deepEqual(
      loaded.filter((path) => path.includes('node_modules/@grpc/')),
      [],
    );
  });
});
