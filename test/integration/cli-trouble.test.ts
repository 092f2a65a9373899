import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('live-cli in trouble', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let state: TempDir;
  let file: string;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  beforeEach(async () => {
    state = await tempDir();
    file = join(state.path, 'live-gateway', 'cursors.db');
  });

  afterEach(() => state[Symbol.asyncDispose]());

  const cli = (...args: string[]): RunningCli => new RunningCli(args, state.path);
  const watch = (): RunningCli => cli('watch', 'r', '--json', '--server', gateway.address);

  describe('with its cursor database names the file and a remedy', () => {
    const tells = async (watcher: RunningCli, doing: string, remedy: RegExp): Promise<void> => {
      assert.equal(await watcher.exit(), 1, watcher.stderr);
      const { error } = (await watcher.object('error')) as { error: string };
      const [, rest = ''] = error.split(`cannot ${doing} the cursor database ${file}: `);
      assert.match(rest, remedy, error);
      assert.match(rest, /--no-cursor/);
      assert.doesNotMatch(watcher.stderr, /^ +at /m);
    };

    it('when its directory cannot be made', async () => {
      await writeFile(join(state.path, 'live-gateway'), 'a file');
      await tells(watch(), 'open', /XDG_STATE_HOME/);
    });

    it('when it is no database', async () => {
      await mkdir(join(state.path, 'live-gateway'));
      await writeFile(file, 'no database '.repeat(1_000));
      await tells(watch(), 'open', /move it away/);
    });

    it('when another process has it locked', async () => {
      await mkdir(join(state.path, 'live-gateway'));
      const other = new Database(file);
      other.exec('BEGIN EXCLUSIVE');
      await tells(watch(), 'open', /another process has it locked/);
      other.close();
    });

    it('when it cannot be written at the end', async () => {
      const watcher = watch();
      await watcher.object('caught-up');
      const other = new Database(file);
      const place = other.prepare<[], { seq: number }>('SELECT seq FROM cursors');
      const client = gateway.client();
      const { seq } = await client.publish('r', { type: 'gift', payload: 'rose' });
      // There is nothing behind it that would be written before the next message.
      await until('its place is that of the message', () => place.get()?.seq === Number(seq));
      other.exec('BEGIN IMMEDIATE');
      await client.publish('r', { type: 'gift', payload: 'tulip' });
      await until('the second is printed', () => watcher.payloads.length === 2);
      watcher.signal('SIGINT');
      await tells(watcher, 'write', /another process has it locked/);
      other.close();
    });
  });
});
