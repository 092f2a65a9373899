import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttackKind, AttackerMethods } from '../load/attackers.ts';
import { Stage } from '../load/stage.ts';
import { startWorker } from '../load/worker.ts';
import { residentBytes } from '../measure/processes.ts';
import { startLiveGateway } from '../peers/live-gateway.ts';
import type { Case, Circumstances, Numbers, Scenario } from '../scenario.ts';
import { OTHERS } from '../scenario.ts';
import { SECRET } from '../wire/token.ts';

const CONNECTIONS = 8;
const SAMPLE_MS = 100;
/** Messages a second. */
const RATE = 20;

const KINDS: readonly AttackKind[] = [
  'somebody else',
  'GetRoom calls',
  'unread pulls',
  'unfinished frames',
  'joins and leaves',
  'pings',
  'settings',
  'resets',
  'refused calls',
  'calls without end',
  'continuations',
  'huge headers',
  'empty data',
  'window updates',
  'unknown frames',
  'connections',
];

async function attacked(kind: AttackKind, circumstances: Circumstances): Promise<Numbers> {
  const { quick, directory } = circumstances;
  const flow = { rate: RATE, warmupSeconds: quick ? 0.2 : 2, seconds: quick ? 0.5 : 20 };
  const secret = join(directory, 'secret');
  await writeFile(secret, SECRET);
  const gateway = await startLiveGateway({ directory }, { settings: ['--jwt-secret-file', secret] });
  await using stage = await Stage.around(circumstances, gateway);
  await stage.open(quick ? 50 : 1_000);
  const lagMs = async (): Promise<number> =>
    1_000 * (await gateway.processMetric('nodejs_eventloop_lag_max_seconds'));
  await lagMs();
  const alone = await stage.flow(flow);
  const lagAlone = await lagMs();
  const before = residentBytes(gateway.viewerPids ?? []);
  let most = before;
  const sampling = new AbortController();
  const sampled = (async (): Promise<void> => {
    while (!sampling.signal.aborted) {
      most = Math.max(most, residentBytes(gateway.viewerPids ?? []));
      await delay(SAMPLE_MS);
    }
  })();
  const attackers = startWorker<AttackerMethods>(new URL('../load/attackers.ts', import.meta.url));
  try {
    await attackers.call('begin', { port: gateway.subscribePort, kind, connections: CONNECTIONS });
    const beside = await stage.flow(flow);
    const lag = await lagMs();
    const { frames, closed } = await attackers.call('end', undefined);
    return {
      ratio: beside.p99 / alone.p99,
      alone: alone.p99,
      with: beside.p99,
      lagAlone,
      lag,
      delivered: beside.delivered / beside.offered,
      grown: (most - before) / 1e6,
      frames,
      closed,
      others: beside.others,
    };
  } finally {
    sampling.abort();
    await sampled;
    await attackers.stop();
  }
}

const attackCase = (kind: AttackKind): Case => ({
  title: kind,
  run: (circumstances) => attacked(kind, circumstances),
});

export const attack: Scenario = {
  name: 'attack',
  question: `What does an attacker with ${CONNECTIONS} connections and a valid token cost 1,000 viewers of a room with ${RATE} messages a second, and the event loop?`,
  peers: ['live-gateway'],
  rounds: 1,
  metrics: [
    { key: 'ratio', title: 'p99 with / alone', digits: 2 },
    { key: 'alone', title: 'p99 ms alone', digits: 1 },
    { key: 'with', title: 'p99 ms with', digits: 1 },
    { key: 'delivered', title: 'delivered', digits: 3 },
    { key: 'lagAlone', title: 'longest lag ms alone', digits: 0 },
    { key: 'lag', title: 'longest lag ms with', digits: 0 },
    { key: 'grown', title: 'MB more', digits: 0 },
    { key: 'frames', title: 'frames or calls', digits: 0 },
    { key: 'closed', title: 'connections ended', digits: 0 },
    OTHERS,
  ],
  cases: KINDS.map(attackCase),
};
