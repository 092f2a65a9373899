import { Stage } from '../load/stage.ts';
import { OTHERS } from '../scenario.ts';
import type { Case, Metric, Scenario } from '../scenario.ts';

const METRICS: Readonly<Record<'p99' | 'p50' | 'cpu' | 'deliveries' | 'share', Metric>> = {
  p99: { key: 'p99', title: 'p99 ms', digits: 1, better: 'less' },
  p50: { key: 'p50', title: 'p50 ms', digits: 1 },
  cpu: { key: 'cpuPerMillion', title: 'CPU s per million', digits: 2, better: 'less' },
  deliveries: { key: 'delivered', title: 'deliveries/s', digits: 0 },
  share: { key: 'share', title: 'delivered in the end', digits: 4 },
};

const steady = (viewers: number, rate: number): Case => ({
  title: `${rate}/s × ${viewers}`,
  async run(circumstances) {
    const { quick } = circumstances;
    await using stage = await Stage.set(circumstances);
    await stage.open(quick ? viewers / 10 : viewers);
    const timing = quick ? { warmupSeconds: 0.2, seconds: 0.5 } : { warmupSeconds: 1, seconds: 5 };
    const { offered: _, ...numbers } = await stage.flow({ rate, ...timing });
    return { ...numbers, share: await stage.deliveredShare() };
  },
});

export const latency: Scenario = {
  name: 'latency',
  question: 'How long from publishing to receiving at 100 messages a second?',
  metrics: [METRICS.p99, METRICS.p50, METRICS.cpu, METRICS.deliveries, METRICS.share, OTHERS],
  cases: [steady(500, 100), steady(2000, 100)],
};

export const sameWork: Scenario = {
  name: 'same-work',
  question:
    'What does a million deliveries cost at the same rate: gateway with nats-server, bare platform, nats-server alone?',
  peers: ['live-gateway', 'live-gateway-websocket', 'live-gateway-sse', 'grpc-js', 'node-http2', 'nats-core'],
  metrics: [METRICS.cpu, METRICS.p50, METRICS.p99, METRICS.deliveries, METRICS.share, OTHERS],
  cases: [steady(500, 2000), steady(500, 3000)],
};
