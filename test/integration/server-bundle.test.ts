import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LiveClient } from '../../client/index.ts';
import { VERSION } from '../../common/node/version.ts';
import { serverBundle } from '../../scripts/server-bundle.ts';
import { startNats } from '../helpers/nats-server.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Runs in the folder that is given first. */
const IN_FOLDER = ['env', '-C'];

describe('live-server as one file, in a folder with nothing else', () => {
  let directory: TempDir;

  before(async () => {
    directory = await tempDir();
    await writeFile(join(directory.path, 'live-server.mjs'), (await serverBundle()).code);
  });
  after(() => directory[Symbol.asyncDispose]());

  function start(...args: string[]): ServerProcess {
    return new ServerProcess(args, {}, [...IN_FOLDER, directory.path], ['live-server.mjs']);
  }

  it('knows its version', async () => {
    await using server = start('--version');
    assert.equal(await server.exit(), 0, server.stderr);
    assert.equal(server.stdout, `${VERSION}\n`);
  });

  for (const workers of ['1', '2']) {
    it(`serves viewers by gRPC and WebSocket, and ends in order, with ${workers} workers`, async () => {
      await using nats = await startNats();
      const settings = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--workers', workers];
      await using server = start('--nats', nats.url, ...settings);
      const address = await server.address();
      const { http } = server.log.find(({ msg }) => msg === 'ready') as { http: string };
      for (const endpoint of [address, `ws://${http}`]) {
        const client = new LiveClient({ endpoints: [endpoint] });
        try {
          await client.publish('r', { type: 'gift', payload: endpoint });
          const seen: string[] = [];
          for await (const event of client.join('r', { from: 'earliest' })) {
            if (event.kind === 'message') seen.push(Buffer.from(event.message.payload).toString());
            if (seen.includes(endpoint)) break;
          }
        } finally {
          await client.close();
        }
      }
      server.signal('SIGTERM');
      assert.equal(await server.exit(), 0, server.stderr);
    });
  }

  it('has the page of the demo in it', async () => {
    await using nats = await startNats();
    await using server = start(
      '--nats',
      nats.url,
      '--listen',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--demo',
    );
    await server.address();
    const { demo } = server.log.find(({ msg }) => msg === 'ready') as { demo: string };
    for (const file of ['', 'demo.js', 'demo.css']) {
      const answered = await fetch(demo + file);
      // An answer that nobody reads keeps its connection, whatever becomes of the server.
      assert.ok((await answered.arrayBuffer()).byteLength > 0, file);
      assert.equal(answered.status, 200, file);
    }
  });

  it('says that it cannot run a NATS server of its own, and leaves nothing behind', async () => {
    await using server = start('--listen', '127.0.0.1:0');
    assert.equal(await server.exit(), 3);
    assert.match(server.stderr, /name yours \(--nats\)/);
    assert.deepEqual(await readdir(directory.path), ['live-server.mjs']);
  });
});
