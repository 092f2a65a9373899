import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from './poll.ts';
import { programArguments } from './program.ts';

/** A `live-cli` that runs, or has run. */
export class RunningCli {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  stdout = '';
  stderr = '';

  /**
   * @param stateHome a directory for what it keeps, contexts included
   * @param stdout a file that standard output goes to, in place of `stdout`
   * @param env variables beside those of this process, of which none of its own counts
   */
  constructor(
    args: readonly string[],
    stateHome: string,
    stdout?: number,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = spawn(process.execPath, [...programArguments('cli'), ...args], {
      stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LIVE_'))),
        XDG_STATE_HOME: stateHome,
        XDG_CONFIG_HOME: join(stateHome, 'config'),
        NO_COLOR: '1',
        ...env,
      },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    // A process that ends early leaves nobody to read its input.
    this.#child.stdin?.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  /** Of the process, running or not; 0 if it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The complete lines on standard output so far. */
  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  /** The complete lines of standard output so far, as JSON. */
  get objects(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The payloads of the reliable messages printed so far with --json. */
  get payloads(): unknown[] {
    return this.objects.filter(({ kind }) => kind === 'message').map(({ payload }) => payload);
  }

  /** Waits for an object on standard output. */
  object(kind: string): Promise<Record<string, unknown>> {
    return until(`${kind} is printed`, () => this.objects.find((object) => object['kind'] === kind));
  }

  /** Writes to standard input. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends standard input. */
  endInput(last: string | Uint8Array = ''): void {
    this.#child.stdin?.end(last);
  }

  /** Closes standard output as the reader of a pipe does that has seen enough. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The exit code, once the process has ended and its output is complete; -1 if a signal ended it. */
  async exit(): Promise<number> {
    await this.#closed;
    return this.#child.exitCode ?? -1;
  }
}
