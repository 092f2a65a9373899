import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { connect } from 'nats';
import { systemClock } from '../common/clock.ts';
import { withDeadline } from '../common/deadline.ts';
import { spawnWithParent } from '../common/node/end-with-parent.ts';
import { sleep } from '../common/sleep.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 5_000;
const POLL_MS = 10;
const LOG_TAIL_LINES = 15;

/** What to run and where. */
export interface NatsProcessOptions {
  /** Path of the nats-server executable. */
  readonly binary: string;
  /** Holds the JetStream store (`jetstream/`), the log and the pid file. Created if absent. */
  readonly directory: string;
  /** Loopback port; 0 lets the server choose one. */
  readonly port: number;
  /** Further nats-server arguments. */
  readonly args?: readonly string[];
  /**
   * A configuration file, which has to enable JetStream in {@link storeDirectory}: the server reads it again at SIGHUP.
   * Without one all that is said here comes by arguments.
   */
  readonly config?: string;
  /** Ends the start when aborted. */
  readonly signal?: AbortSignal;
}

/** How a process ended: one of the two is set. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running nats-server with JetStream, child of this process. */
export interface NatsProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Sends a signal; does nothing after the process has ended. */
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after five seconds. Resolves when the process has ended. Idempotent. */
  stop(): Promise<void>;
}

/** The JetStream store of a nats-server run in `directory`; appears in its command line. */
export const storeDirectory = (directory: string): string => join(directory, 'jetstream');

/** The pid file of a nats-server run in `directory`. */
export const pidFile = (directory: string): string => join(directory, 'nats-server.pid');

/** The log of a nats-server run in `directory`; that of the run before has `.1` appended. */
export const logFile = (directory: string): string => join(directory, 'nats-server.log');

/**
 * Starts nats-server with JetStream on loopback and resolves when it accepts connections and JetStream answers.
 *
 * The server is in a process group of its own, so that a terminal's Ctrl-C reaches only its parent, which can
 * then drain before it stops the server. It does not outlive its parent, however that ends.
 * @throws if the server ends or does not become ready within a minute; the error has the end of its log.
 */
export async function launchNats(options: NatsProcessOptions): Promise<NatsProcess> {
  const { binary, directory, signal } = options;
  const portsDirectory = join(directory, 'ports');
  signal?.throwIfAborted();
  await rm(portsDirectory, { recursive: true, force: true });
  await mkdir(portsDirectory, { recursive: true });
  const { child, pid, exited } = await spawnLogged(options, portsDirectory);

  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const killer = systemClock.after(STOP_GRACE_MS, () => child.kill('SIGKILL'));
    await exited;
    killer.cancel();
  };
  const ended = new AbortController();
  void exited.then(({ code, signal: by }) => {
    ended.abort(new Error(`ended with ${by ?? `exit code ${code}`}`));
  });
  const signals = [ended.signal, ...(signal ? [signal] : [])];
  const portsFile = join(portsDirectory, `${basename(binary)}_${pid}.ports`);
  try {
    const port = await withDeadline({ clock: systemClock, ms: START_TIMEOUT_MS, signals }, (limit) =>
      waitUntilReady(portsFile, limit),
    );
    const url = `nats://127.0.0.1:${port}`;
    return { url, port, pid, exited, stop, signal: (name) => void child.kill(name) };
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw await startError(directory, error);
  }
}

async function startError(directory: string, cause: unknown): Promise<Error> {
  const file = logFile(directory);
  const lines = ((await readFile(file, 'utf8').catch(ignoreAbsent)) ?? '').trimEnd().split('\n');
  const reason = cause instanceof Error ? cause.message : String(cause);
  const end = lines.slice(-LOG_TAIL_LINES).join('\n');
  return new Error(`nats-server did not start: ${reason}; the end of ${file}:\n${end}`, { cause });
}

interface Spawned {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
}

async function spawnLogged(options: NatsProcessOptions, portsDirectory: string): Promise<Spawned> {
  const { binary, directory, port, config, args = [] } = options;
  await access(binary, constants.X_OK);
  // What a server was told by arguments alone, it drops or refuses to change when it reads its file again.
  const jetStream =
    config === undefined ? ['--jetstream', '--store_dir', storeDirectory(directory)] : ['--config', config];
  await rename(logFile(directory), `${logFile(directory)}.1`).catch(ignoreAbsent);
  const log = await open(logFile(directory), 'w');
  try {
    const child = spawnWithParent(
      binary,
      // prettier-ignore
      [
        '--addr', '127.0.0.1', '--port', String(port === 0 ? -1 : port), '--ports_file_dir', portsDirectory,
        ...jetStream, '--pid', pidFile(directory), ...args,
      ],
      { stdio: ['ignore', log.fd, log.fd] },
    );
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    await once(child, 'spawn');
    return { child, pid: child.pid as number, exited };
  } finally {
    await log.close();
  }
}

/**
 * Resolves with the client port once JetStream answers on it.
 * @throws the reason of `signal` when that is aborted
 */
async function waitUntilReady(portsFile: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const port = await readPort(portsFile);
    if (port !== undefined && (await jetStreamAnswers(port))) return port;
    await sleep(systemClock, POLL_MS, signal);
    signal.throwIfAborted();
  }
}

/** The port in the server's ports file, `{"nats":["nats://127.0.0.1:4222"]}`, or undefined while it is being written. */
async function readPort(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreAbsent);
  const port = /"nats":\s*\[\s*"nats:\/\/[^"]*:(\d+)"/.exec(text ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}

async function jetStreamAnswers(port: number): Promise<boolean> {
  try {
    const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 2_000 });
    try {
      await connection.jetstreamManager({ timeout: 2_000 });
      return true;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
}

function ignoreAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
