import { setTimeout as delay } from 'node:timers/promises';
import type { PublisherMethods } from '../load/publisher.ts';
import { ROOM } from '../load/stage.ts';
import type { Fared, WatcherMethods } from '../load/watchers.ts';
import type { Worker } from '../load/worker.ts';
import { startWorker } from '../load/worker.ts';
import { startFleet } from '../peers/live-gateway.ts';
import type { Scenario } from '../scenario.ts';

const GATEWAYS = 3;
const RATE = 20;
/** From one gateway that is ready to the end of the next. */
const BETWEEN_MS = 2_000;
const SECOND_MS = 1_000;
const EVEN_PATIENCE_MS = 15 * 60_000;
const EVEN = 0.2;

/** By how much the gateway with the most or the fewest viewers differs from the mean, as a share of it. */
function unevenness({ viewers }: Fared): number {
  const mean = viewers.reduce((sum, count) => sum + count, 0) / viewers.length;
  return Math.max(...viewers.map((count) => Math.abs(count - mean) / mean));
}

/** Publishes until it is told to stop; resolves when everything is handed over. */
async function publishUntil(publisher: Worker<PublisherMethods>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await publisher.call('run', { rooms: [ROOM], rate: RATE, seconds: 1 });
}

async function untilEven(watchers: Worker<WatcherMethods>): Promise<Fared> {
  const giveUpMs = performance.now() + EVEN_PATIENCE_MS;
  for (;;) {
    const fared = await watchers.call('fared', undefined);
    if (unevenness(fared) <= EVEN || performance.now() > giveUpMs) return fared;
    await delay(SECOND_MS);
  }
}

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  question:
    'Three gateways are restarted one after the other: how often does a viewer connect again, how long does it wait, how even are the numbers?',
  peers: ['live-gateway'],
  metrics: [
    { key: 'hops', title: 'hops a viewer, restart', digits: 2 },
    { key: 'allHops', title: 'until even', digits: 2, better: 'less' },
    { key: 'pause', title: 'longest pause ms', digits: 0 },
    { key: 'uneven', title: 'off the mean, %', digits: 0 },
    { key: 'seconds', title: 'even after s', digits: 0 },
    { key: 'breaks', title: 'lost or repeated', digits: 0 },
  ],
  rounds: 1,
  cases: [
    {
      title: '3 × 100',
      async run({ directory, quick }) {
        const count = quick ? 60 : 300;
        const settings = ['--drain', '3s', ...(quick ? ['--rebalance', '100'] : [])];
        const fleet = await startFleet({ directory }, GATEWAYS, settings);
        const watchers = startWorker<WatcherMethods>(new URL('../load/watchers.ts', import.meta.url));
        const publisher = startWorker<PublisherMethods>(new URL('../load/publisher.ts', import.meta.url));
        const over = new AbortController();
        try {
          await publisher.call('connect', { peer: 'live-gateway', path: 'natural', port: fleet.natsPort });
          await watchers.call('open', { endpoints: fleet.endpoints, room: ROOM, count });
          const published = publishUntil(publisher, over.signal);
          for (const endpoint of fleet.endpoints) {
            await delay(BETWEEN_MS);
            await fleet.restart(endpoint);
          }
          const { hops } = await watchers.call('fared', undefined);
          const restartedMs = performance.now();
          const even = await untilEven(watchers);
          const seconds = (performance.now() - restartedMs) / SECOND_MS;
          over.abort();
          await published;
          return {
            hops: hops / count,
            allHops: even.hops / count,
            pause: even.longestPauseMs,
            uneven: unevenness(even) * 100,
            seconds,
            breaks: even.breaks,
          };
        } finally {
          await publisher.stop();
          await watchers.stop();
          await fleet.stop();
        }
      },
    },
  ],
};
