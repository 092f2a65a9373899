import assert from 'node:assert/strict';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { handMadeHistory, handMadeDetails } from '../helpers/hand-made-run.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { recordRun } from '../helpers/recorded.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Takes nothing: every write to it fails as on a full disk. */
const FULL_DEVICE = '/dev/full';

describe('live-cli whose standard output is full', function () {
  let nats: TestNats;
  let gateway: TestGateway;
  let state: TempDir;
  let full: FileHandle;
  const db = (): string => join(state.path, 'chaos.db');

  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
    state = await tempDir();
    full = await open(FULL_DEVICE, 'w');
    const client = gateway.client();
    await client.publish('full', { type: 'gift', payload: 'rose' });
    recordRun(db(), handMadeHistory(), handMadeDetails);
  });

  after(async () => {
    await full.close();
    await gateway.close();
    await nats.stop();
    await state[Symbol.asyncDispose]();
  });

  const commands: readonly (readonly [args: string[], input?: string])[] = [
    [['watch', 'full', '--json']],
    [['watch', 'full', '--from', 'earliest', '--no-cursor']],
    [['send', 'full', 'gift', 'rose']],
    [['send', 'full', '--stdin', '--json'], '{"type":"gift"}\n'.repeat(3)],
    [['room', 'full']],
    [['pull', 'full', '--json']],
    [['report', 'last', '--db', 'DB']],
    [['chaos', '--viewers', '1', '--duration', '1s', '--profile', 'jitter', '--db', 'DB', '--json']],
    [['--help']],
  ];
  for (const [args, input] of commands) {
    it(`${args.join(' ')}: says so, and ends with 1`, async () => {
      const named = args.map((argument) => (argument === 'DB' ? db() : argument));
      const server = /^(report|--help)$/.test(args[0] ?? '') ? [] : ['--server', gateway.address];
      const cli = new RunningCli([...named, ...server], state.path, full.fd);
      cli.endInput(input);
      assert.equal(await cli.exit(), 1, cli.stderr);
      assert.equal(
        cli.stderr.match(/^live-cli: cannot write to standard output: ENOSPC/gm)?.length,
        1,
        cli.stderr,
      );
      assert.doesNotMatch(cli.stderr, /^ +at /m, 'no stack trace');
    });
  }
});
