import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { spawnWithParent } from '../../../common/node/end-with-parent.ts';
import type { Address } from '../../../common/units.ts';
import type { RunTransport } from '../../record/recording.ts';
import { siblingModule } from '../module-path.ts';

/** How long these gateways are silent at most, in milliseconds. */
export const HEARTBEAT_MS = 1_000;

/** Shorter times than the defaults, so that a short run sees troubles noticed and ended. */
const times = ['--heartbeat', `${HEARTBEAT_MS}ms`, '--slow-consumer-timeout', '5s', '--drain', '1s'];

const LOG_TAIL_LINES = 5;

/** How a gateway is run. */
export interface GatewayOptions {
  readonly name: string;
  /** Where clients reach it, by this transport. */
  readonly port: number;
  readonly transport: RunTransport;
  readonly nats: readonly string[];
  readonly replicas: number;
  /** Where its log is written. */
  readonly directory: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  /** `host:port` of its metrics, once it serves. */
  readonly metrics: Promise<string>;
}

/** A live-server as a process of its own, on the same port whenever it runs. */
export class GatewayProcess {
  readonly target: Address;
  /** Rejects when the gateway ends without having been told to; never resolves. */
  readonly failed: Promise<never>;
  readonly #options: GatewayOptions;
  #fail: (error: Error) => void = () => undefined;
  #running: Running | undefined;
  /** Reads of history by processes that have ended since, as far as they were asked. */
  #earlierReads = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.target = { host: '127.0.0.1', port: options.port };
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
  }

  /**
   * Starts it; resolves when it serves.
   * @throws if it ends instead
   */
  async start(): Promise<void> {
    const child = this.#spawn();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const metrics = Promise.race([metricsOnceReady(child.stdout), exited.then(() => this.#hasEnded())]);
    const running = { child, exited, metrics };
    this.#running = running;
    void exited.then(() => {
      if (this.#running === running) this.#hasEnded().catch(this.#fail);
    });
    await metrics;
  }

  /** Ends it with a signal; resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#earlierReads = await this.historyReads();
    this.#running = undefined;
    running.child.kill(signal);
    await running.exited;
  }

  /** Reads of JetStream history so far; those since a gateway was last asked are unknown when it has crashed. */
  async historyReads(): Promise<number> {
    if (this.#running === undefined) return this.#earlierReads;
    try {
      const response = await fetch(`http://${await this.#running.metrics}/metrics`);
      const reads = /^live_gateway_history_reads_total (\d+)/m.exec(await response.text())?.[1] ?? 0;
      return this.#earlierReads + Number(reads);
    } catch {
      return this.#earlierReads;
    }
  }

  async #hasEnded(): Promise<never> {
    const log = await readFile(this.#logFile, 'utf8').catch(() => '');
    const end = log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    throw new Error(`${this.#options.name} has ended by itself; the end of its log:\n${end}`);
  }

  get #logFile(): string {
    return join(this.#options.directory, `${this.#options.name}.log`);
  }

  #spawn(): ChildProcess & { stdout: Readable } {
    const { port, transport, nats, replicas } = this.#options;
    const main = fileURLToPath(siblingModule(import.meta.url, '../../../server/main'));
    const args = [...listening(port, transport), '--nats', nats.join(','), '--replicas', String(replicas)];
    const child = spawnWithParent(
      process.execPath,
      [...process.execArgv, main, ...args, '--metrics', '127.0.0.1:0', '--log-level', 'info', ...times],
      { env: withoutSettings(process.env), stdio: ['ignore', 'pipe', 'pipe'] },
    ) as ChildProcess & { stdout: Readable; stderr: Readable };
    const log = createWriteStream(this.#logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('close', () => log.end());
    return child;
  }
}

function listening(port: number, transport: RunTransport): string[] {
  if (transport === 'grpc') return ['--listen', `127.0.0.1:${port}`];
  return ['--listen', '127.0.0.1:0', '--http', `127.0.0.1:${port}`];
}

/** The user's settings of live-server are for other gateways. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('LIVE_')));
}

async function metricsOnceReady(log: Readable): Promise<string> {
  const lines = createInterface({ input: log });
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      if (!line.includes('"ready"')) return;
      lines.close();
      // Its reader must go on: a full pipe would stop the gateway.
      log.resume();
      const { metrics } = JSON.parse(line) as { metrics: string };
      resolve(metrics);
    });
  });
}
