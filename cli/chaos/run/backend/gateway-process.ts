import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { endWithParent } from '../../../../common/end-with-parent.ts';
import type { Target } from '../../links/proxy.ts';
import { siblingModule } from '../module-path.ts';

/** Shorter times than the defaults, so that a short run sees troubles noticed and ended. */
const times = ['--heartbeat', '1s', '--stuck-timeout', '5s', '--drain', '1s'];

/** How a gateway is run. */
export interface GatewayOptions {
  readonly name: string;
  readonly port: number;
  readonly nats: readonly string[];
  readonly replicas: number;
  /** Where its log is written. */
  readonly directory: string;
}

type State =
  | { readonly name: 'down' }
  | {
      readonly name: 'up';
      readonly child: ChildProcess;
      readonly exited: Promise<void>;
      readonly metrics: string;
    };

/** A live-server as a process of its own, on the same port whenever it runs. */
export class GatewayProcess {
  readonly target: Target;
  /** Rejects when the gateway ends without having been told to; never resolves. */
  readonly failed: Promise<never>;
  private readonly options: GatewayOptions;
  private fail: (error: Error) => void = () => undefined;
  private state: State = { name: 'down' };
  /** Reads of history by processes that have ended since, as far as they were asked. */
  private earlierReads = 0;

  constructor(options: GatewayOptions) {
    this.options = options;
    this.target = { host: '127.0.0.1', port: options.port };
    this.failed = new Promise((_, reject) => (this.fail = reject));
    this.failed.catch(() => undefined);
  }

  /**
   * Starts it; resolves when it serves.
   * @throws if it ends instead
   */
  async start(): Promise<void> {
    const child = this.spawn();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.pid !== undefined) endWithParent(child.pid, exited);
    const { name } = this.options;
    const metrics = await Promise.race([
      metricsOnceReady(child.stdout),
      exited.then(() => {
        throw new Error(`gateway ${name} did not start: see ${this.logFile}`);
      }),
    ]);
    this.state = { name: 'up', child, exited, metrics };
    void exited.then(() => {
      if (this.state.name === 'up' && this.state.child === child)
        this.fail(new Error(`gateway ${name} has ended by itself: see ${this.logFile}`));
    });
  }

  /** Ends it with a signal; resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.state.name === 'down') return;
    const { child, exited } = this.state;
    this.earlierReads = await this.historyReads();
    this.state = { name: 'down' };
    child.kill(signal);
    await exited;
  }

  /** Reads of JetStream history so far. */
  async historyReads(): Promise<number> {
    if (this.state.name === 'down') return this.earlierReads;
    const response = await fetch(`http://${this.state.metrics}/metrics`);
    const reads = /^live_gateway_history_reads_total (\d+)/m.exec(await response.text())?.[1] ?? 0;
    return this.earlierReads + Number(reads);
  }

  private get logFile(): string {
    return join(this.options.directory, `${this.options.name}.log`);
  }

  private spawn(): ChildProcess & { stdout: Readable } {
    const { port, nats, replicas } = this.options;
    const main = fileURLToPath(siblingModule(import.meta.url, '../../../../server/main'));
    const args = ['--listen', `127.0.0.1:${port}`, '--nats', nats.join(','), '--replicas', String(replicas)];
    const child = spawn(
      process.execPath,
      [...process.execArgv, main, ...args, '--metrics', '127.0.0.1:0', '--log-level', 'info', ...times],
      { detached: true, env: withoutSettings(process.env), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log = createWriteStream(this.logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once('close', () => log.end());
    return child;
  }
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
