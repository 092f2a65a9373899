import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import { launchNats, storeDirectory } from '../../nats-server/process.ts';
import type { PublisherMethods } from '../load/publisher.ts';
import { ROOM } from '../load/stage.ts';
import type { SubscriberMethods } from '../load/subscribers.ts';
import { startWorker } from '../load/worker.ts';
import { cpuSeconds, residentBytes } from '../measure/processes.ts';
import { startFleetOn } from '../peers/live-gateway.ts';

const SETTLE_MS = 3_000;

/** What a flow costs on gateways and NATS, and how many bytes it is. */
interface Measured {
  readonly published: number;
  readonly deliveries: number;
  /** CPU seconds of each gateway. */
  readonly gatewayCpu: readonly number[];
  readonly natsCpu: number;
  /** Bytes that nats-server sent to all of its clients, and that viewers read from their sockets. */
  readonly natsBytes: number;
  readonly viewerBytes: number;
  readonly residentMegabytes: readonly number[];
}

interface Options {
  readonly gateways: string;
  readonly viewers: string;
  readonly rate: string;
  readonly seconds: string;
  readonly peer: string;
}

/** Runs gateways with viewers each on one nats-server, and publishes to their room by a stock client. */
async function measure(options: Options): Promise<Measured> {
  const [count, viewers, rate, seconds] = [
    options.gateways,
    options.viewers,
    options.rate,
    options.seconds,
  ].map(Number) as [number, number, number, number];
  const directory = await mkdtemp(join(tmpdir(), 'bench-scale-'));
  const [monitor = 0] = await freePorts(1);
  const config = join(directory, 'nats.conf');
  await writeFile(
    config,
    `http: "127.0.0.1:${monitor}"\njetstream { store_dir: "${storeDirectory(directory)}" }\n`,
  );
  const nats = await launchNats({ binary: await findNatsServer(), directory, port: 0, config });
  const fleet = await startFleetOn(nats, count, ['--rebalance', '0'], options.peer);
  const publisher = startWorker<PublisherMethods>(new URL('../load/publisher.ts', import.meta.url));
  const crowds = fleet.ports.map(() =>
    startWorker<SubscriberMethods>(new URL('../load/subscribers.ts', import.meta.url)),
  );
  const sum = async (ask: 'count' | 'bytes'): Promise<number> =>
    (await Promise.all(crowds.map((crowd) => crowd.call(ask, undefined)))).reduce((a, b) => a + b, 0);
  const look = async (): Promise<Omit<Measured, 'published' | 'residentMegabytes'>> => ({
    deliveries: await sum('count'),
    viewerBytes: await sum('bytes'),
    gatewayCpu: fleet.pids.map((pid) => cpuSeconds([pid])),
    natsCpu: cpuSeconds([nats.pid]),
    natsBytes: ((await (await fetch(`http://127.0.0.1:${monitor}/varz`)).json()) as { out_bytes: number })
      .out_bytes,
  });
  try {
    await publisher.call('connect', { peer: options.peer, path: 'natural', port: nats.port });
    await Promise.all(
      crowds.map((crowd, n) =>
        crowd.call('open', {
          peer: options.peer,
          port: fleet.ports[n] as number,
          room: ROOM,
          count: viewers,
          kind: 'live',
        }),
      ),
    );
    await delay(SETTLE_MS);
    const before = await look();
    const published =
      rate === 0 ? 0 : (await publisher.call('run', { rooms: [ROOM], rate, seconds })).messages;
    await delay(rate === 0 ? seconds * 1000 : 500);
    const after = await look();
    return {
      published,
      deliveries: after.deliveries - before.deliveries,
      gatewayCpu: after.gatewayCpu.map((cpu, n) => rounded(cpu - (before.gatewayCpu[n] as number))),
      natsCpu: rounded(after.natsCpu - before.natsCpu),
      natsBytes: after.natsBytes - before.natsBytes,
      viewerBytes: after.viewerBytes - before.viewerBytes,
      residentMegabytes: fleet.pids.map((pid) => Math.round(residentBytes([pid]) / 1e6)),
    };
  } finally {
    await Promise.all([publisher, ...crowds].map((worker) => worker.stop()));
    await fleet.stop();
    await nats.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const rounded = (cpu: number): number => Math.round(cpu * 100) / 100;

const options = new Command('measure')
  .description('Measures what the model of bench/scale needs, and what it is checked against.')
  .option('--gateways <n>', '', '1')
  .option('--viewers <n>', 'of each gateway', '1000')
  .option('--rate <n>', 'messages a second; 0: none', '20')
  .option('--seconds <n>', '', '15')
  .option('--peer <name>', 'live-gateway or live-gateway-websocket', 'live-gateway-websocket')
  .parse()
  .opts<Options>();
process.stdout.write(`${JSON.stringify({ ...options, ...(await measure(options)) })}\n`);
