import type { Worker } from 'node:cluster';
import cluster from 'node:cluster';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffCeiling } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Address } from '../../common/units.ts';
import { unlessAborted } from '../../common/unless-aborted.ts';
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../observability/logging.ts';
import { serveMetrics } from '../observability/metrics-endpoint.ts';
import type { NotReady } from '../observability/probes.ts';
import type { NatsServers } from '../gateway/nats-servers.ts';
import { natsServers } from '../gateway/nats-servers.ts';
import { certificateFiles } from '../tls/certificate-files.ts';
import { watchCertificates } from '../tls/certificate-watch.ts';
import type { CurrentCertificates, TlsMode } from '../tls/certificates.ts';
import { NODE_ARGUMENTS } from '../process/node-arguments.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import type { FromWorker, ServedAddresses, ToWorker } from './messages.ts';

/** A worker that ends is replaced after a time that doubles while the new ones do not start, in milliseconds. */
const REPLACE: BackoffLimits = { baseMs: 100, maxMs: 5_000 };

/** A gateway of many processes behind one address. */
export interface GatewayCluster {
  /** `host:port` that viewers connect to. */
  readonly address: string;
  /** `host:port` where viewers are served that speak no gRPC; undefined when they are not. */
  readonly http: string | undefined;
  readonly nats: readonly string[];
  /** `host:port` of the metrics of all workers together; undefined when they are not served. */
  readonly metrics: string | undefined;
  /** How viewers' connections are secured. */
  readonly tls: TlsMode;
  /** Reads the certificates again, for all workers. */
  reload(): void;
  /** What settings may change while the workers run is from now on as this configuration says, in all of them. */
  reconfigure(config: ServerConfig): void;
  /** Resolves with the reason when the cluster cannot go on. */
  readonly failed: Promise<Error>;
  /** Sends the viewers of all workers away, spread over `windowMs` milliseconds, then ends everything. */
  drain(windowMs: number): Promise<void>;
}

/**
 * Starts `config.workers` gateways, each in a process of its own, that share one listening socket: a process can use one
 * core only. Connections are dealt to them in turn. A worker that dies is replaced; its viewers resume.
 * @param signal ends the start when aborted: no process is then left
 * @throws when a certificate, NATS or the address cannot be had, or a worker cannot start
 */
export async function startCluster(
  config: ServerConfig,
  logger: Logger,
  signal?: AbortSignal,
  clock: Clock = systemClock,
): Promise<GatewayCluster> {
  cluster.setupPrimary({
    // JSON, the default, has no Infinity.
    serialization: 'advanced',
    // The last one counts: what was asked for goes before what we think best.
    execArgv: [...NODE_ARGUMENTS, ...process.execArgv],
    // A worker is told its settings: in its command line everybody could read the password of NATS.
    args: [],
  });
  const files = certificateFiles(config);
  const certificateWatch = files && (await watchCertificates(files, clock, logger));
  const nats = await natsServers(config, logger, signal);
  const workers = new Workers(await workerConfig(config), nats, certificateWatch?.current, logger, clock);
  try {
    const { address, http } = await unlessAborted(signal, workers.start(config.workers));
    const watched = { metrics: workers.metrics, notReady: () => workers.notReady };
    const metrics = config.metrics && (await serveMetrics(config.metrics, watched));
    return {
      address,
      http,
      nats: nats.access.urls,
      metrics: metrics?.address,
      tls: certificateWatch?.current.mode ?? 'off',
      reload: () => void certificateWatch?.reload(),
      reconfigure: (changed) => workers.reconfigure(changed),
      failed: nats.failed,
      async drain(windowMs) {
        certificateWatch?.close();
        await workers.drain(windowMs);
        await metrics?.close();
        await nats.stop();
      },
    };
  } catch (error) {
    certificateWatch?.close();
    await workers.kill();
    await nats.stop();
    throw error;
  }
}

/** What each worker is configured with: its share of the memory, and no metrics of its own. */
async function workerConfig(config: ServerConfig): Promise<ServerConfig> {
  return {
    ...shareOf(config),
    metrics: undefined,
    listen: await definite(config.listen),
    http: config.http && (await definite(config.http)),
  };
}

function shareOf(config: ServerConfig): ServerConfig {
  const logBytes = Math.floor(config.logBytes / config.workers);
  return { ...config, logBytes, roomLogBytes: Math.min(config.roomLogBytes, logBytes) };
}

/** Port 0 would be another port for a worker that replaces the last one alive. */
async function definite(address: Address): Promise<Address> {
  if (address.port !== 0) return address;
  const { host } = address;
  const server = createServer().listen({ host, port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { host, port };
}

/** The processes of a cluster: as many as asked for, until they are drained. */
class Workers {
  #config: ServerConfig;
  readonly #nats: NatsServers;
  readonly #certificates: CurrentCertificates | undefined;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #alive = new Set<Worker>();
  readonly metrics: FleetMetrics;
  /** Why each of those that serve should not be sent viewers. */
  readonly #notReady = new Map<Worker, NotReady>();
  #leaving = false;

  constructor(
    config: ServerConfig,
    nats: NatsServers,
    certificates: CurrentCertificates | undefined,
    logger: Logger,
    clock: Clock,
  ) {
    this.#config = config;
    this.#nats = nats;
    this.metrics = new FleetMetrics(clock);
    this.#certificates = certificates;
    certificates?.onReplaced(() => {
      for (const worker of this.#alive)
        send(worker, { kind: 'certificates', certificates: certificates.now });
    });
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Why viewers should not be sent here; empty as long as one of the workers takes them: the others are replaced, or come back. */
  get notReady(): NotReady {
    const all = [...this.#notReady.values()];
    if (all.length === 0) return ['NO_WORKER'];
    return all.some(({ length }) => length === 0) ? [] : [...new Set(all.flat())];
  }

  /** Resolves with the addresses when all serve. */
  async start(count: number): Promise<ServedAddresses> {
    const [addresses] = await Promise.all(Array.from({ length: count }, () => this.#fork()));
    return addresses as ServedAddresses;
  }

  /** @param config of all workers together */
  reconfigure(config: ServerConfig): void {
    const { metrics, listen, http } = this.#config;
    this.#config = { ...shareOf(config), metrics, listen, http };
    for (const worker of this.#alive) send(worker, { kind: 'settings', config: this.#config });
  }

  async drain(windowMs: number): Promise<void> {
    this.#leaving = true;
    const gone = this.#gone();
    for (const worker of this.#alive) send(worker, { kind: 'drain', windowMs });
    await gone;
  }

  async kill(): Promise<void> {
    this.#leaving = true;
    const gone = this.#gone();
    for (const worker of this.#alive) worker.process.kill('SIGKILL');
    await gone;
  }

  async #gone(): Promise<void> {
    await Promise.all([...this.#alive].map((worker) => once(worker, 'exit')));
  }

  /** Resolves with the worker's addresses when it serves; from then on it is replaced when it ends. */
  #fork(): Promise<ServedAddresses> {
    const worker = cluster.fork();
    this.#alive.add(worker);
    // Node tells it of the listening socket, too, and may find it dead; that is told by its end.
    worker.on('error', (error) =>
      this.#logger.debug({ err: error, worker: worker.id }, 'a worker takes nothing'),
    );
    return new Promise((resolve, reject) => {
      let serves = false;
      const { access, owned } = this.#nats;
      worker.on('message', (message: FromWorker) => {
        switch (message.kind) {
          case 'listening':
            // It has not heard that all are to leave, and has no viewers yet.
            if (this.#leaving) return void worker.process.kill('SIGKILL');
            return send(worker, {
              kind: 'start',
              config: this.#config,
              nats: { access, owned },
              certificates: this.#certificates?.now,
            });
          case 'ready':
            serves = true;
            this.metrics.add({
              id: worker.id,
              ask: (question) => send(worker, { kind: 'report', question }),
            });
            return resolve(message.addresses);
          case 'refused':
            return reject(new Error(message.message));
          case 'readiness':
            return void this.#notReady.set(worker, message.notReady);
          case 'reported':
            return this.metrics.answered(worker.id, message.question, message.report);
          case 'metrics-wanted':
            return void this.#tellMetrics(worker, message.question);
        }
      });
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.#alive.delete(worker);
        this.#notReady.delete(worker);
        this.metrics.remove(worker.id);
        reject(new Error(`worker ${worker.id} ended before it served: ${signal ?? `exit code ${code}`}`));
        if (!serves || this.#leaving) return;
        this.metrics.noteDeath();
        this.#logger.error({ worker: worker.id, code, signal }, 'a worker has died: its viewers resume');
        this.#replace(0);
      });
    });
  }

  async #tellMetrics(worker: Worker, question: number): Promise<void> {
    send(worker, { kind: 'metrics', question, text: await this.metrics.metrics() });
  }

  /** @param said why it failed, as the log has it already */
  #replace(failures: number, said?: string): void {
    this.#clock.after(backoffCeiling(failures, REPLACE), () => {
      if (this.#leaving) return;
      this.#fork().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== said)
          this.#logger.error({ reason }, 'a worker could not be replaced: it is tried again');
        this.#replace(failures + 1, reason);
      });
    });
  }
}

function send(worker: Worker, message: ToWorker): void {
  // One that has just died takes nothing; its end is noticed.
  worker.send(message, () => undefined);
}
