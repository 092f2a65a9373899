import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { dump, load } from 'js-yaml';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { until } from '../helpers/poll.ts';

/** Where `test/prometheus/setup.sh` has put both programs. */
const PROGRAMS = process.env['LIVE_TEST_PROMETHEUS'] ?? '';

/** What is deployed. */
export const DEPLOYED = fileURLToPath(new URL('../../deploy/prometheus', import.meta.url));

/** `describe`, or where the programs are missing `describe.skip`. */
export const wherePrometheusIs =
  PROGRAMS !== '' && existsSync(join(PROGRAMS, 'prometheus')) ? describe : describe.skip;

/** A value of a query, with its labels. */
export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** How an alert rule did when it was last evaluated. */
export interface EvaluatedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

/** Runs promtool in the folder of what is deployed; gives what it says, and rejects with it when something is wrong. */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)(join(PROGRAMS, 'promtool'), args, { cwd: DEPLOYED });
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** Prometheus as deploy/prometheus configures it, but for where gateways are, and that it asks them every second. */
export class Prometheus implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #address: string;
  #log = '';

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.#address = address;
    this.#exited = once(child, 'close');
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
  }

  /**
   * Starts it; resolves when it serves.
   * @param directory for what it keeps
   * @param targets `host:port` of metrics
   */
  static async start(directory: string, targets: readonly string[]): Promise<Prometheus> {
    const deployed = load(await readFile(join(DEPLOYED, 'prometheus.yaml'), 'utf8')) as {
      rule_files: string[];
      scrape_configs: { static_configs: { targets: readonly string[] }[] }[];
    };
    const config = join(directory, 'prometheus.yaml');
    const [scraped] = deployed.scrape_configs;
    const changed = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: deployed.rule_files.map((file) => join(DEPLOYED, file)),
      scrape_configs: [{ ...scraped, static_configs: [{ targets }] }],
    };
    await writeFile(config, dump(changed));
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const paths = [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'data')}`];
    const child = spawn(join(PROGRAMS, 'prometheus'), [...paths, `--web.listen-address=${address}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const prometheus = new Prometheus(child, address);
    await until('Prometheus is ready', async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${prometheus.#log}`);
      const response = await fetch(`http://${address}/-/ready`).catch(() => undefined);
      return response?.ok;
    });
    return prometheus;
  }

  /** What a query gives now. */
  async query(expr: string): Promise<readonly QueryResult[]> {
    const { result } = await this.#get<{ result: readonly QueryResult[] }>(
      `query?query=${encodeURIComponent(expr)}`,
    );
    return result;
  }

  /** The alert rules, as they did when last evaluated. */
  async rules(): Promise<readonly EvaluatedRule[]> {
    const { groups } = await this.#get<{ groups: { rules: EvaluatedRule[] }[] }>('rules?type=alert');
    return groups.flatMap(({ rules }) => rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`http://${this.#address}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }
}
