import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LiveClient } from '../../client/index.ts';
import { startNats } from '../helpers/nats-server.ts';
import { programArguments } from '../helpers/program.ts';
import { ServerProcess } from '../helpers/server-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const CONTAINER = join(ROOT, 'test', 'helpers', 'container.sh');

describe('live-server in a container', () => {
  before(function () {
    const tried = spawnSync('bash', [CONTAINER, ROOT, process.execPath, '--version']);
    if (tried.status !== 0) {
      console.log('      there are no namespaces to be had here: skipped');
      this.skip();
    }
    // What runs the sources wants to write.
    if (programArguments('server').some((word) => word.includes('tsx'))) {
      console.log('      something was edited since the last build: skipped');
      this.skip();
    }
  });

  for (const workers of ['1', '2']) {
    it(`needs no root, no shell and nothing to write to, with ${workers} workers`, async () => {
      await using nats = await startNats();
      const args = ['--nats', nats.url, '--listen', '127.0.0.1:0', '--workers', workers];
      await using server = new ServerProcess(args, {}, ['bash', CONTAINER, ROOT]);
      const client = new LiveClient({ endpoints: [await server.address()] });
      try {
        const process = `/proc/${server.pid}`;
        assert.match(await readFile(`${process}/status`, 'utf8'), /^CapEff:\s*0+$/m);
        assert.equal(existsSync(`${process}/root/bin/sh`), false);
        await client.publish('r', { type: 'gift', payload: 'rose' });
        for await (const { kind } of client.join('r', { from: 'earliest' })) if (kind === 'message') break;
      } finally {
        await client.close();
      }
      server.signal('SIGTERM');
      assert.equal(await server.exit(), 0, server.stderr);
    });
  }
});
