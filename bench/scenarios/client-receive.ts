import type { ReceiverMethods } from '../load/receivers.ts';
import { startWorker } from '../load/worker.ts';
import type { Case, Scenario } from '../scenario.ts';

const CLIENTS = 2_000;

const receiving = (title: string, perFrame: number): Case => ({
  title,
  async run({ quick }) {
    const receivers = startWorker<ReceiverMethods>(new URL('../load/receivers.ts', import.meta.url));
    try {
      const rate = await receivers.call('receive', { perFrame, seconds: quick ? 0.2 : 5 });
      const heap = await receivers.call('heap', quick ? 100 : CLIENTS);
      return { rate, kilobytes: heap / 1000 };
    } finally {
      await receivers.stop();
    }
  },
});

export const clientReceive: Scenario = {
  name: 'client-receive',
  question:
    'How many messages a second does one client take from memory, and how much heap does a client need?',
  peers: ['live-gateway'],
  metrics: [
    { key: 'rate', title: 'messages/s', digits: 0, better: 'more' },
    { key: 'kilobytes', title: 'KB a client', digits: 1, better: 'less' },
  ],
  cases: [receiving('1 a frame', 1), receiving('100 a frame', 100)],
};
