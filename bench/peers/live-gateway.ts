import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseAddress } from '../../common/units.ts';
import { VERSION } from '../../common/node/version.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { NatsProcess } from '../../nats-server/process.ts';
import { launchNats } from '../../nats-server/process.ts';
import { NODE_ARGUMENTS } from '../../server/process/node-arguments.ts';
import { childrenOf } from '../measure/processes.ts';
import type { Installed, RunningPeer, StartOptions } from './peer.ts';
import type { ServerProcess } from './processes.ts';
import { startProgram } from './processes.ts';

const SERVER = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));

/** A gateway with the nats-server that it uses. */
export interface RunningGateway extends RunningPeer {
  /** One of the gateway's metrics, without the prefix. */
  metric(name: string): Promise<number>;
  /** One of its process's metrics. */
  processMetric(name: string): Promise<number>;
  /** SIGKILL: viewers are cut off without a word. */
  kill(): Promise<void>;
  /** Starts the gateway again, on the same port; resolves when it is ready. */
  restart(): Promise<void>;
}

/** Further arguments of node and of live-server, from the bench's command line. */
const extraArguments = (name: string): string[] => process.env[name]?.split(' ').filter(Boolean) ?? [];

const DEFAULT_HISTORY = 1000;
/** Generous: a room log that is too small reads from JetStream, and says nothing. */
const LOG_BYTES_PER_MESSAGE = 1024;
const LEAST_LOG_BYTES = 32 * 2 ** 20;

interface Served {
  readonly server: ServerProcess;
  readonly port: number;
  /** 0: HTTP is not served. */
  readonly httpPort: number;
  readonly metricsPort: number;
}

const portOf = (address = ''): number => parseAddress(address)?.port ?? 0;

/** Ports to serve at; 0: one that is free. */
interface Ports {
  readonly port: number;
  /** Absent: HTTP is not served. */
  readonly httpPort?: number;
}

const ANY_PORT: Ports = { port: 0 };

async function serve(
  nats: NatsProcess,
  { port, httpPort }: Ports,
  settings: readonly string[],
): Promise<Served> {
  const rate = ['--publish-rate', 'unlimited'];
  const http = httpPort === undefined ? [] : ['--http', `127.0.0.1:${httpPort}`];
  const args = [
    '--nats',
    nats.url,
    '--listen',
    `127.0.0.1:${port}`,
    ...http,
    '--metrics',
    '127.0.0.1:0',
    ...rate,
    ...settings,
  ];
  const server = startProgram(
    process.execPath,
    [
      ...NODE_ARGUMENTS,
      ...extraArguments('BENCH_NODE_ARGS'),
      SERVER,
      ...args,
      ...extraArguments('BENCH_SERVER_ARGS'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    once(server.child, 'exit').then(() => reject(new Error('live-server has ended')), reject);
    createInterface({ input: server.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { msg, ...served } = JSON.parse(line) as {
        msg?: string;
        address?: string;
        http?: string;
        metrics?: string;
      };
      if (msg === 'ready')
        resolve({
          server,
          port: portOf(served.address),
          httpPort: portOf(served.http),
          metricsPort: portOf(served.metrics),
        });
    });
  });
}

/** Some gateways on one nats-server, each with a port of its own. */
export interface RunningFleet {
  /** `host:port` of each gateway. */
  readonly endpoints: readonly string[];
  readonly natsPort: number;
  /** Ends a gateway as its operator would and starts it again on the same port; resolves when it is ready. */
  restart(endpoint: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts nats-server and `count` built gateways with these settings. */
export async function startFleet(
  { directory }: StartOptions,
  count: number,
  settings: readonly string[],
): Promise<RunningFleet> {
  const nats = await startNats(directory);
  const gateways = new Map<string, Served>();
  for (let n = 0; n < count; n++) {
    const gateway = await serve(nats, ANY_PORT, settings);
    gateways.set(`127.0.0.1:${gateway.port}`, gateway);
  }
  return {
    endpoints: [...gateways.keys()],
    natsPort: nats.port,
    async restart(endpoint) {
      const { server, port } = gateways.get(endpoint) as Served;
      await server.end();
      gateways.set(endpoint, await serve(nats, { port }, settings));
    },
    async stop() {
      for (const { server } of gateways.values()) await server.stop();
      await nats.stop();
    },
  };
}

/** Gateways by the ports that viewers of a peer come to. */
export interface RunningGateways {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Starts `count` built gateways with these settings on a nats-server that runs. */
export async function startFleetOn(
  nats: NatsProcess,
  count: number,
  settings: readonly string[],
  peer: string,
): Promise<RunningGateways> {
  const byHttp = peer !== 'live-gateway';
  const served: Served[] = [];
  for (let n = 0; n < count; n++)
    served.push(await serve(nats, byHttp ? { port: 0, httpPort: 0 } : ANY_PORT, settings));
  return {
    ports: served.map(({ port, httpPort }) => (byHttp ? httpPort : port)),
    pids: served.map(({ server }) => server.pid),
    async stop() {
      for (const { server } of served) await server.stop();
    },
  };
}

async function scrape(port: number, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text())?.[1]);
}

async function startNats(directory: string): Promise<NatsProcess> {
  return launchNats({ binary: await findNatsServer(), directory: join(directory, 'nats'), port: 0 });
}

/** How a gateway is run. */
export interface GatewayOptions {
  /** By which of its ports viewers come; gRPC's if absent. */
  readonly by?: 'grpc' | 'http';
  /** Absent: one. */
  readonly workers?: number;
  /** Further settings. */
  readonly settings?: readonly string[];
}

/** Starts nats-server and, in front of it, the built gateway. */
export async function startLiveGateway(
  { directory, history = DEFAULT_HISTORY }: StartOptions,
  { by = 'grpc', workers = 1, settings: more = [] }: GatewayOptions = {},
): Promise<RunningGateway> {
  const nats = await startNats(directory);
  const roomLog = String(Math.max(LEAST_LOG_BYTES, history * LOG_BYTES_PER_MESSAGE));
  const settings = ['--drain', '0s', '--room-log-bytes', roomLog, '--workers', String(workers), ...more];
  let running = await serve(nats, by === 'http' ? { port: 0, httpPort: 0 } : ANY_PORT, settings);
  const { port, httpPort } = running;
  const gatewayPids = (): number[] => [running.server.pid, ...childrenOf(running.server.pid)];
  return {
    subscribePort: by === 'http' ? httpPort : port,
    publishPorts: { natural: nats.port, gateway: port },
    get pids() {
      return [...gatewayPids(), nats.pid];
    },
    get viewerPids() {
      return gatewayPids();
    },
    metric: (name) => scrape(running.metricsPort, `live_gateway_${name}`),
    processMetric: (name) => scrape(running.metricsPort, name),
    async kill() {
      running.server.child.kill('SIGKILL');
      await running.server.stop();
    },
    async restart() {
      running = await serve(nats, by === 'http' ? { port, httpPort } : { port }, settings);
    },
    async stop() {
      await running.server.stop();
      await nats.stop();
    },
  };
}

/** Whether the gateway was built. */
export async function gatewayInstalled(): Promise<Installed> {
  await findNatsServer();
  const built = await access(SERVER).then(
    () => true,
    () => false,
  );
  return built ? { kind: 'installed', version: VERSION } : { kind: 'missing', install: 'npm run build' };
}
