import type { ResumerMethods } from '../load/resumers.ts';
import { ROOM, Stage } from '../load/stage.ts';
import { startWorker } from '../load/worker.ts';
import { cpuSeconds } from '../measure/processes.ts';
import { percentile } from '../measure/statistics.ts';
import { gatewayNamed, RESUMING } from '../peers/gateways.ts';
import type { Case, Metric, Numbers, Scenario } from '../scenario.ts';

const METRICS: readonly Metric[] = [
  { key: 'share', title: 'delivered', digits: 4 },
  { key: 'breaks', title: 'lost or repeated', digits: 0 },
  { key: 'p50', title: 'p50 ms', digits: 0 },
  { key: 'p95', title: 'p95 ms', digits: 0 },
  { key: 'p99', title: 'p99 ms', digits: 0, better: 'less' },
  { key: 'reads', title: 'history reads', digits: 0 },
];

/** What a storm takes: where both together are the machine's cores, it is the machine that is waited for. */
const STORM_METRICS: readonly Metric[] = [
  ...METRICS,
  { key: 'gatewayCpu', title: 'gateway CPU s', digits: 2 },
  { key: 'viewersCpu', title: 'viewers CPU s', digits: 2 },
];

const resumerProcess = new URL('../load/resumers.ts', import.meta.url);
const PATIENCE_MS = 10_000;

function percentiles(latencies: ArrayLike<number>): Numbers {
  return {
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
  };
}

const stormCase = (missed: number, viewers: number): Case => ({
  title: `${missed} × ${viewers}`,
  async run(circumstances) {
    const { peer, quick } = circumstances;
    const [count, messages] = quick ? [100, 50] : [viewers, missed];
    await using stage = await Stage.around(circumstances, await gatewayNamed(peer.name).start(circumstances));
    const resumers = startWorker<ResumerMethods>(resumerProcess);
    try {
      const port = stage.running.subscribePort;
      await resumers.call('open', { peer: peer.name, port, room: ROOM, count });
      await stage.publish(1, 0.1);
      await resumers.call('awaitMessages', { messages: 1, patienceMs: PATIENCE_MS });
      await stage.running.kill();
      await stage.publish(messages, 0.5);
      await stage.running.restart();
      const cpu = (): Numbers => ({
        gatewayCpu: cpuSeconds(stage.running.viewerPids ?? []),
        viewersCpu: cpuSeconds([resumers.pid]),
      });
      const before = cpu();
      const { latencies, breaks } = await resumers.call('resumeAll', undefined);
      const after = cpu();
      const used = Object.fromEntries(
        Object.entries(after).map(([key, seconds]) => [key, seconds - (before[key] as number)]),
      );
      const { received } = await resumers.call('awaitMessages', {
        messages: messages + 1,
        patienceMs: PATIENCE_MS,
      });
      const reads = await stage.running.metric('history_reads_total');
      return { share: received / count / (messages + 1), breaks, reads, ...percentiles(latencies), ...used };
    } finally {
      await resumers.stop();
    }
  },
});

export const storm: Scenario = {
  name: 'storm',
  question:
    'The gateway is killed and started again, and all viewers come at once: how long until each is live again and has the messages it missed?',
  peers: RESUMING,
  metrics: STORM_METRICS,
  cases: [stormCase(500, 2000), stormCase(100, 10_000)],
};

export const jitter: Scenario = {
  name: 'jitter',
  question:
    'Every viewer is cut about every 15 s for 2 s: does each get all messages, and how long does a resume take?',
  peers: RESUMING,
  metrics: METRICS,
  rounds: 1,
  cases: [
    {
      title: '2/s × 1000',
      async run(circumstances) {
        const { peer, quick } = circumstances;
        const [count, messages, seconds] = quick ? [50, 10, 3] : [1000, 120, 60];
        await using stage = await Stage.around(
          circumstances,
          await gatewayNamed(circumstances.peer.name).start(circumstances),
        );
        const resumers = startWorker<ResumerMethods>(resumerProcess);
        try {
          const port = stage.running.subscribePort;
          await resumers.call('open', { peer: peer.name, port, room: ROOM, count });
          const [latencies] = await Promise.all([
            resumers.call('flapAll', {
              seed: 1,
              seconds,
              online: quick ? [0.5, 1] : [10, 20],
              offlineSeconds: quick ? 0.2 : 2,
            }),
            stage.publish(messages, seconds),
          ]);
          const { received, breaks } = await resumers.call('awaitMessages', {
            messages,
            patienceMs: PATIENCE_MS,
          });
          const reads = await stage.running.metric('history_reads_total');
          const ascending = Float64Array.from(latencies).sort();
          return { share: received / count / messages, breaks, reads, ...percentiles(ascending) };
        } finally {
          await resumers.stop();
        }
      },
    },
  ],
};
