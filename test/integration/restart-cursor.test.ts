import assert from 'node:assert/strict';
import { join } from 'node:path';
import { SqliteCursorStore } from '../../client/sqlite.ts';
import { seededRandom } from '../../common/random.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { Load } from '../helpers/load.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const ROOM = 'tea';
const NAME = 'mine';

describe(`Resumable, Bookmarked: watch restarted from its cursor (LIVE_TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  let nats: TestNats;
  let gateway: TestGateway;
  let state: TempDir;
  let load: Load;
  let running: RunningCli[];

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
    state = await tempDir();
    running = [];
    load = new Load(new RunRecorder(), { client: gateway.client(), room: ROOM, sender: 'ann' });
  });

  afterEach(async () => {
    for (const cli of running) cli.signal('SIGKILL');
    await Promise.all(running.map((cli) => cli.exit()));
    await gateway.close();
    await nats.stop();
    await state[Symbol.asyncDispose]();
  });

  function watch(...args: string[]): RunningCli {
    const options = ['--server', gateway.address, '--cursor', NAME, '--from', 'earliest', '--json'];
    const cli = new RunningCli(['watch', ROOM, ...options, ...args], state.path);
    running.push(cli);
    return cli;
  }

  const printed = (cli: RunningCli): number[] =>
    cli.objects.filter(({ kind }) => kind === 'message').map(({ seq }) => Number(seq));

  /** The sequence that the database holds, as a process that starts now would find it. */
  function saved(): number {
    const store = new SqliteCursorStore(join(state.path, 'live-gateway', 'cursors.db'));
    try {
      return Number(store.load(NAME, ROOM)?.seq ?? 0);
    } finally {
      store.close();
    }
  }

  /** All that is in the room, in order. */
  async function all(): Promise<number[]> {
    const seqs: number[] = [];
    for await (const event of gateway.client().pull(ROOM)) {
      if (event.kind === 'message') seqs.push(Number(event.message.seq));
    }
    return seqs;
  }

  it('killed in the middle it repeats nothing that was saved and skips nothing', async () => {
    const runs: { first: number; last: number; savedAfter: number }[] = [];
    for (let run = 0; run < 3; run++) {
      const cli = watch();
      const enough = 50 + Math.floor(random() * 300);
      await until('enough is printed', () => printed(cli).length > enough);
      await until('some of it is saved', () => saved() > (runs.at(-1)?.savedAfter ?? 0));
      cli.signal('SIGKILL');
      await cli.exit();
      const seqs = printed(cli);
      runs.push({ first: seqs[0]!, last: seqs.at(-1)!, savedAfter: saved() });
    }
    await load.stop();
    const published = await all();
    const rest = watch('--count', String(published.filter((seq) => seq > runs.at(-1)!.savedAfter).length));
    assert.equal(await rest.exit(), 0);

    const before = (seq: number): number => published[published.indexOf(seq) - 1] ?? 0;
    for (const [index, { last, savedAfter }] of runs.entries()) {
      assert.ok(savedAfter <= last, `saved ${savedAfter}, printed to ${last}`);
      const next = runs[index + 1]?.first ?? printed(rest)[0]!;
      assert.equal(before(next), savedAfter, 'the next run begins right after what was saved');
    }
    for (const cli of running) {
      const seqs = printed(cli);
      const from = published.indexOf(seqs[0]!);
      assert.deepEqual(seqs, published.slice(from, from + seqs.length), 'each run is complete and in order');
    }
    assert.equal(runs[0]!.first, published[0]);
    assert.equal(printed(rest).at(-1), published.at(-1));
  });

  it('interrupted in order it repeats nothing at all', async () => {
    const first = watch();
    await until('something is printed', () => printed(first).length > 50);
    first.signal('SIGINT');
    assert.equal(await first.exit(), 0);
    await load.stop();
    const published = await all();
    const done = printed(first);
    const second = watch('--count', String(published.length - done.length));
    assert.equal(await second.exit(), 0);
    assert.deepEqual([...done, ...printed(second)], published);
  });
});
