import { ROOM, Stage } from '../load/stage.ts';
import { percentile } from '../measure/statistics.ts';
import type { Case, Scenario } from '../scenario.ts';

const OUTSTANDING = 128;

const publishBy = (title: string, path: string): Case => ({
  title,
  async run(circumstances) {
    const { quick } = circumstances;
    await using stage = await Stage.set(circumstances, { path });
    const loop = { room: ROOM, outstanding: OUTSTANDING };
    await stage.publisher.call('closedLoop', { ...loop, seconds: quick ? 0.2 : 1 });
    const { acks, seconds, latencies } = await stage.publisher.call('closedLoop', {
      ...loop,
      seconds: quick ? 0.5 : 4,
    });
    return { rate: acks / seconds, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
  },
});

export const publish: Scenario = {
  name: 'publish',
  question: 'How many reliable messages a second are acknowledged, with 128 waiting at any time?',
  peers: ['live-gateway'],
  metrics: [
    { key: 'rate', title: 'acks/s', digits: 0, better: 'more' },
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
  ],
  cases: [publishBy('NATS client', 'natural'), publishBy('through the gateway', 'gateway')],
};
