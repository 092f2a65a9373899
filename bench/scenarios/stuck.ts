import { ROOM, Stage } from '../load/stage.ts';
import { residentBytes } from '../measure/processes.ts';
import type { Scenario } from '../scenario.ts';

export const stuck: Scenario = {
  name: 'stuck',
  question: 'What do 10 viewers that read nothing do to the other 500 and to the server?',
  peers: ['live-gateway', 'nats-core'],
  metrics: [
    { key: 'after', title: 'p99 ms with', digits: 1, better: 'less' },
    { key: 'before', title: 'p99 ms without', digits: 1 },
    { key: 'grown', title: 'MB more', digits: 1 },
    { key: 'delivered', title: 'deliveries/s with', digits: 0 },
  ],
  cases: [
    {
      title: '1000/s × 500',
      async run(circumstances) {
        const { peer, quick } = circumstances;
        const viewers = quick ? 50 : 500;
        const flow = { rate: 1000, warmupSeconds: quick ? 0.2 : 1, seconds: quick ? 0.5 : 10 };
        await using stage = await Stage.set(circumstances);
        await stage.open(viewers);
        const without = await stage.flow(flow);
        const memory = residentBytes(stage.running.pids);
        const port = stage.running.subscribePort;
        await stage.subscribers.call('open', { peer: peer.name, port, room: ROOM, count: 10, kind: 'stuck' });
        const beside = await stage.flow(flow);
        const grown = (residentBytes(stage.running.pids) - memory) / 1e6;
        return { before: without.p99, after: beside.p99, delivered: beside.delivered, grown };
      },
    },
  ],
};
