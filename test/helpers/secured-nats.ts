import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import { until } from './poll.ts';
import type { TempDir } from './temp-dir.ts';
import { tempDir } from './temp-dir.ts';

/** A nats-server with JetStream that does not let everybody in: whether it is ready is read in its log. */
export class SecuredNats implements AsyncDisposable {
  readonly #directory: TempDir;
  readonly #binary: string;
  readonly port: number;
  #process: ChildProcess | undefined;

  readonly #env: NodeJS.ProcessEnv;

  private constructor(directory: TempDir, binary: string, port: number, env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#directory = directory;
    this.#binary = binary;
    this.port = port;
  }

  /** @param env what the configuration takes from the environment */
  static async start(config: string, env: NodeJS.ProcessEnv = {}): Promise<SecuredNats> {
    const [port = 0] = await freePorts(1);
    const nats = new SecuredNats(await tempDir(), await findNatsServer(), port, env);
    await nats.restart(config);
    return nats;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** What it has logged since it was started last. */
  log(): Promise<string> {
    return readFile(this.#path('log'), 'utf8');
  }

  /** Ends it, and starts it with the same port and store. */
  async restart(config?: string): Promise<void> {
    await this.kill();
    await rm(this.#path('log'), { force: true });
    if (config !== undefined) await writeFile(this.#path('conf'), config);
    // prettier-ignore
    const args = ['-c', this.#path('conf'), '-a', '127.0.0.1', '-p', `${this.port}`, '-js', '-sd', this.#path('store'), '-l', this.#path('log')];
    const child = spawn(this.#binary, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.#env },
    });
    this.#process = child;
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
    await until('nats-server is ready', async () => {
      if (child.exitCode !== null) return true;
      return (await this.log()).includes('Server is ready');
    });
    if (child.exitCode === null) return;
    throw new Error(`nats-server did not start: ${complaints}${await this.log().catch(() => '')}`);
  }

  /** Gives it another configuration; resolves when that holds. */
  async reload(config: string): Promise<void> {
    const reloads = async (): Promise<number> =>
      (await this.log()).split('Reloaded server configuration').length;
    const before = await reloads();
    await writeFile(this.#path('conf'), config);
    this.#process?.kill('SIGHUP');
    await until('nats-server has reloaded', async () => (await reloads()) > before);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#directory[Symbol.asyncDispose]();
  }

  #path(name: string): string {
    return join(this.#directory.path, name);
  }
}
