import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findNatsServer } from '../../nats-server/binary.ts';
import { serverBundle } from '../../scripts/server-bundle.ts';
import { DEPLOY, deployed, replaced, whereThereAre } from '../helpers/deploy-tools.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONTAINER = join(ROOT, 'test', 'deploy', 'container');
const UNIT = join(DEPLOY, 'systemd', 'live-gateway.service');
/** How much `systemd-analyze security` says that the service may do, in tenths of 10. */
const MAX_EXPOSURE = 15;

/** What differs from what is documented: one NATS server on the same machine, and nobody is asked for a token. */
const ON_LOOPBACK = {
  'LIVE_LISTEN=0.0.0.0': 'LIVE_LISTEN=127.0.0.1',
  'LIVE_HTTP=0.0.0.0': 'LIVE_HTTP=127.0.0.1',
  'tls://nats-1:4222,tls://nats-2:4222,tls://nats-3:4222': 'nats://127.0.0.1:4222',
  'LIVE_NATS_CREDS=': '#LIVE_NATS_CREDS=',
  'LIVE_REPLICAS=3': 'LIVE_REPLICAS=1',
  'LIVE_JWKS_URL=': '#LIVE_JWKS_URL=',
  '#LIVE_AUDIT_LOG=': 'LIVE_AUDIT_LOG=',
  '#LIVE_DRAIN=10s': 'LIVE_DRAIN=2s',
};

/** Fills a folder with what docs/deployment.md has an operator install, and with what checks it. */
async function install(root: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const environment = replaced(await deployed('systemd/live-gateway.env'), settings);
  await write('opt/live-gateway/live-server.mjs', (await serverBundle()).code);
  await write('etc/live-gateway/live-gateway.env', environment);
  await write('etc/systemd/system/live-gateway.service', await readFile(UNIT, 'utf8'));
  await write('etc/sysusers.d/live-gateway.conf', await deployed('systemd/live-gateway.sysusers.conf'));
  await write('etc/systemd/system/check.service', await readFile(join(CONTAINER, 'check.service'), 'utf8'));
  await cp(CONTAINER, join(root, 'opt', 'check'), { recursive: true });
}

whereThereAre('systemd-analyze')('live-gateway.service', () => {
  it('has no mistake that systemd finds', async () => {
    const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', UNIT]);
    assert.equal(stdout + stderr, '');
  });

  it('may do little', async () => {
    const args = ['security', '--no-pager', '--offline=true', `--threshold=${MAX_EXPOSURE}`, UNIT];
    const { stdout } = await promisify(execFile)('systemd-analyze', args);
    console.log(`      ${stdout.trim().split('\n').at(-1)}`);
  });
});

whereThereAre('systemd-nspawn')('live-gateway.service, under a systemd of its own', () => {
  for (const workers of [1, 2]) {
    it(`starts, is confined, reloads, comes again, drains and refuses, with ${workers} workers`, async function () {
      await using directory = await tempDir();
      const root = join(directory.path, 'root');
      await install(root, { ...ON_LOOPBACK, '#LIVE_WORKERS=4': `LIVE_WORKERS=${workers}` });
      const boot = [join(CONTAINER, 'boot.sh'), root, process.execPath, await findNatsServer(), ROOT];
      const { status, stdout, stderr } = spawnSync('bash', boot, { encoding: 'utf8', timeout: 240_000 });
      assert.match(stdout, /^all is well\r?$/m, `${status}\n${stdout}\n${stderr}`);
      assert.equal(status, 0);
    });
  }
});
