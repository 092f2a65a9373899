import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { faultNames } from '../../chaos/run/catalogue.ts';
import { loadHistory } from '../../chaos/record/history.ts';
import { loadPlan } from '../../chaos/record/runs.ts';
import { passed } from '../helpers/chaos-report.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { descendantsOf, isAlive } from '../helpers/processes.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** A run that is as short as its faults allow. */
const short = ['--viewers', '8', '--duration', '3s', '--seed', '11'];

describe('live-cli chaos', () => {
  let directory: TempDir;
  let running: RunningCli[];

  /** Starts the tool. Runs of one test share a database, those of others have another one. */
  function chaos(...args: string[]): RunningCli {
    const cli = new RunningCli(
      ['chaos', '--db', join(directory.path, 'chaos.db'), '--json', ...args],
      directory.path,
    );
    running.push(cli);
    return cli;
  }

  beforeEach(async () => {
    directory = await tempDir();
    running = [];
  });

  afterEach(async () => {
    for (const cli of running) cli.signal('SIGKILL');
    await Promise.all(running.map((cli) => cli.exit()));
    await directory[Symbol.asyncDispose]();
  });

  it('proves the profile with every fault in a short run', async () => {
    const report = await passed(chaos('--profile', 'everything', ...short));
    assert.deepEqual([report['profile'], report['viewers'], report['seed']], ['everything', 8, 11]);
    const faults = report['faults'] as Record<string, { applied: number }>;
    const excused = (report['neverStruck'] as { name: string }[]).map(({ name }) => name);
    const missing = faultNames.filter(
      (name) => (faults[name]?.applied ?? 0) === 0 && !excused.includes(name),
    );
    assert.deepEqual(missing, [], 'each strikes, or it is said why not');
  });

  it('proves a cluster of which the leader is killed', async () => {
    const report = await passed(
      chaos(
        '--nats-cluster',
        '3',
        '--fault',
        'leader-kill',
        '--viewers',
        '8',
        '--duration',
        '5s',
        '--seed',
        '11',
      ),
    );
    const { 'leader-kill': kill } = report['faults'] as Record<string, { applied: number }>;
    assert.ok((kill?.applied ?? 0) > 0);
  });

  it('proves a rolling restart of three gateways', async () => {
    const { gateways, faults } = await passed(chaos('--fault', 'rolling-restart', ...short));
    const { 'rolling-restart': restart } = faults as Record<string, { applied: number; noticed: number }>;
    assert.equal(gateways, 3);
    assert.ok(restart !== undefined && restart.applied > 0);
    assert.ok(restart.noticed > 0, 'viewers have to move');
  });

  it('proves viewers by WebSocket, on links that fail and gateways that are killed', async () => {
    const faults = ['rst', 'half-open', 'stall', 'gateway-kill'];
    const report = await passed(chaos('--transport', 'websocket', '--fault', ...faults, ...short));
    const struck = report['faults'] as Record<string, { applied: number }>;
    assert.equal(report['transport'], 'websocket');
    assert.ok((struck['gateway-kill']?.applied ?? 0) > 0);
    assert.ok(Number(report['reconnects']) > 0, 'viewers have to connect again');
  });

  for (const fault of ['stuck-neighbour', 'dead-endpoint']) {
    it(`proves that viewers recover from a ${fault}`, async () => {
      const { faults } = await passed(chaos('--fault', fault, ...short));
      const { [fault]: report } = faults as Record<string, { applied: number; reconnected: number }>;
      assert.ok(report !== undefined && report.applied > 0);
      assert.ok(report.reconnected > 0, 'it is felt');
    });
  }

  it('judges what viewers publish from within their loops like all other messages', async () => {
    const report = await passed(chaos('--fault', 'reentrant-publish', ...short));
    const { published, finalHeads, viewers } = loadHistory(
      join(directory.path, 'chaos.db'),
      String(report['run']),
    );
    const answers = [...published].filter(({ id }) => id.includes(':bot:'));
    assert.ok(answers.length > 0);
    assert.ok(finalHeads !== undefined);
    const got = new Map<string, number>();
    for (const { events } of viewers) {
      for (const event of events)
        if (event.kind === 'message') got.set(event.id, (got.get(event.id) ?? 0) + 1);
    }
    // Of eight viewers, all in one room.
    assert.deepEqual([...new Set(answers.map(({ id }) => got.get(id)))], [8]);
  });

  it('says when gaps and resets were to be expected', async () => {
    const report = await passed(chaos('--fault', 'stream-purge', 'stream-recreate', 'half-open=3', ...short));
    assert.equal(report['unexpectedGaps'], 0);
  });

  it('runs a recorded schedule again, whole or reduced to a viewer', async () => {
    const db = join(directory.path, 'chaos.db');
    const first = await passed(chaos('--fault', 'rst', '--viewers', '3', '--duration', '2s'));
    const again = ['--replay', String(first['run'])];
    const [whole, reduced] = await Promise.all([
      passed(chaos(...again)),
      passed(chaos(...again, '--only-viewer', 'v2', '--only-fault', 'rst')),
    ]);
    const plans = [first, whole, reduced].map(({ run }) => loadPlan(db, String(run)));
    assert.deepEqual(plans[1]?.faults, plans[0]?.faults);
    assert.deepEqual(
      plans[2]?.faults,
      plans[0]?.faults.filter(({ viewer }) => viewer === 'v2'),
    );
    assert.deepEqual([whole['viewers'], reduced['viewers']], [3, 1]);
  });

  it('heals and judges at the first Ctrl-C', async () => {
    const cli = chaos('--viewers', '5', '--duration', '10m');
    await until('something was delivered', () => /running .*delivered [1-9]/.test(cli.stderr));
    cli.signal('SIGINT');
    const report = await passed(cli);
    assert.equal(report['durationMs'], 600_000);
  });

  it('takes its children along when it is killed', async function () {
    if (!existsSync('/proc')) this.skip();
    const cli = chaos('--viewers', '5', '--duration', '10m');
    await until('the run has begun', () => cli.stderr.includes('running'));
    const children = descendantsOf(cli.pid);
    assert.ok(children.length >= 4, 'gateways, a nats-server and viewers');
    cli.signal('SIGKILL');
    await until('no child is left', () => !children.some(isAlive));
  });

  describe('with gateways of somebody else', () => {
    let nats: TestNats;
    let gateway: TestGateway;

    beforeEach(async () => {
      nats = await startNats();
      gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    });

    afterEach(async () => {
      await gateway.close();
      await nats.stop();
    });

    it('troubles the viewers’ links only', async () => {
      const report = await passed(chaos('--server', gateway.address, ...short));
      assert.equal(report['profile'], 'flaky-mobile');
      assert.equal(report['historyReads'], null);
    });

    it('reaches them by WebSocket where their addresses say so', async () => {
      const report = await passed(chaos('--server', `ws://${gateway.http}`, '--fault', 'rst', ...short));
      assert.equal(report['transport'], 'websocket');
      assert.ok(Number(report['reconnects']) > 0);
    });

    it('gives clients the time that the heartbeat of these gateways makes them take', async () => {
      await using slow = await startTestGateway(nats.url, { heartbeatMs: 5_000 });
      // A link that is dead from a moment on is doubted when everything is long over.
      const faults = [
        '--fault',
        'half-open',
        'one-way',
        '--duration',
        '2s',
        '--viewers',
        '12',
        '--seed',
        '3',
      ];
      const report = await passed(chaos('--server', slow.address, ...faults));
      const { detectMs } = report as { detectMs: { max: number } };
      assert.ok(detectMs.max > 5_000, 'some noticed by silence');
    });
  });

  it('ends with exit code 2 when it is asked for what cannot be', async () => {
    const cli = chaos('--server', '127.0.0.1:1', '--fault', 'nats-kill');
    assert.equal(await cli.exit(), 2);
    assert.equal(cli.stdout, '');
    assert.match(cli.stderr, /nats-kill/);
  });

  it('says so when no gateway answers', async () => {
    const cli = chaos('--server', '127.0.0.1:1');
    assert.equal(await cli.exit(), 1);
    assert.match(cli.stderr, /127\.0\.0\.1:1/);
  });
});
