import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { until } from './poll.ts';
import { programArguments } from './program.ts';
import type { TestTransport } from './transports.ts';

/** A `live-server` that runs, or has run, as a process of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<void>;
  stdout = '';
  stderr = '';

  /**
   * @param launcher what runs it, in place of the system: a program, and arguments before the server's own
   * @param served arguments for Node that run the server: by default what was built
   */
  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    launcher: readonly string[] = [],
    served: readonly string[] = programArguments('server'),
  ) {
    const [program, ...words] = [...launcher, process.execPath, ...served, ...args];
    this.#child = spawn(program as string, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** A server on a free port in front of `natsUrl`, with short times so that tests are quick; resolves when it serves. */
  static async start(natsUrl: string, ...args: string[]): Promise<ServerProcess> {
    const server = new ServerProcess(
      ['--nats', natsUrl, '--listen', '127.0.0.1:0', '--heartbeat', '500ms'].concat(args),
    );
    await server.address();
    return server;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** The complete lines of its log so far. */
  get log(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** `host:port` that it serves, once it says so. */
  async address(): Promise<string> {
    const ready = await until('live-server is ready', () => {
      if (this.#child.exitCode !== null) throw new Error(`live-server ended: ${this.stderr}`);
      return this.log.find(({ msg }) => msg === 'ready');
    });
    return ready['address'] as string;
  }

  /** Where clients reach it by a transport, for whose flags it was started. */
  async endpoint(transport: TestTransport): Promise<string> {
    const address = await this.address();
    const { http } = this.log.find(({ msg }) => msg === 'ready') as { http?: string };
    return transport.endpointAt(transport.addressOf({ address, http }));
  }

  /** Whether the process has ended. */
  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The exit code, once the process has ended and its output is complete; -1 if a signal ended it. */
  async exit(): Promise<number> {
    await this.#closed;
    return this.#child.exitCode ?? -1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.#closed;
  }
}
