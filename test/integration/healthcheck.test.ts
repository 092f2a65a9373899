import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Authority } from '../helpers/certificates.ts';
import { startNats } from '../helpers/nats-server.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const HEALTHCHECK = fileURLToPath(new URL('../../deploy/healthcheck.mjs', import.meta.url));

/** What the container's health check says of a gateway with these variables: its exit code. */
async function checked(env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, [HEALTHCHECK], { stdio: 'ignore', env: { ...process.env, ...env } });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

const onAllAddresses = (address: string): string => address.replace('127.0.0.1', '0.0.0.0');

describe('the health check of the container', () => {
  it('is content with a gateway that serves, and with none that is gone', async () => {
    await using nats = await startNats();
    await using server = await ServerProcess.start(nats.url);
    const address = await server.address();
    assert.equal(await checked({ LIVE_LISTEN: address }), 0);
    assert.equal(await checked({ LIVE_LISTEN: onAllAddresses(address) }), 0);
    server.signal('SIGKILL');
    await server.exit();
    assert.equal(await checked({ LIVE_LISTEN: address }), 1);
  });

  it('is not content with a gateway that stands still', async () => {
    await using nats = await startNats();
    await using server = await ServerProcess.start(nats.url);
    const address = await server.address();
    server.signal('SIGSTOP');
    assert.equal(await checked({ LIVE_LISTEN: address }), 1);
    server.signal('SIGCONT');
  });

  it('asks whether a gateway with TLS is there', async () => {
    await using directory = await tempDir();
    const { certFile, keyFile } = await (await Authority.create(directory.path)).issue();
    await using nats = await startNats();
    await using server = await ServerProcess.start(nats.url, '--tls-cert', certFile, '--tls-key', keyFile);
    const address = await server.address();
    assert.equal(await checked({ LIVE_LISTEN: address, LIVE_TLS_CERT: certFile }), 0);
    server.signal('SIGKILL');
    await server.exit();
    assert.equal(await checked({ LIVE_LISTEN: address, LIVE_TLS_CERT: certFile }), 1);
  });

  it('is in the image', async () => {
    const dockerfile = await readFile(new URL('../../deploy/Dockerfile', import.meta.url), 'utf8');
    assert.match(dockerfile, /^COPY --from=build \/app\/deploy\/healthcheck\.mjs \.\/$/m);
    assert.match(dockerfile, /^HEALTHCHECK .* CMD \["\/nodejs\/bin\/node", "healthcheck\.mjs"\]$/m);
  });
});
