import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Installed } from './peer.ts';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
/** Where packages put daemons, often missing in the PATH of ordinary users. */
const DAEMON_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin'];

/** The path of a program, or undefined. */
export async function findProgram(name: string): Promise<string | undefined> {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...DAEMON_DIRECTORIES];
  for (const file of directories.map((directory) => join(directory, name))) {
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}

/** Whether a program is there, and what its `versionFlag` says; some say it on standard error, and fail. */
export async function programInstalled(
  name: string,
  versionFlag: string,
  install: string,
): Promise<Installed> {
  const path = await findProgram(name);
  if (path === undefined) return { kind: 'missing', install };
  const said = await promisify(execFile)(path, [versionFlag]).catch((error: unknown) => error);
  const { stdout, stderr } = said as { readonly stdout: string; readonly stderr: string };
  const version = /\d+\.\d+[\w.+-]*/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'unknown version';
  return { kind: 'installed', version };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server process that was started. */
export interface ServerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** SIGTERM, and patience. */
  end(): Promise<void>;
  /** SIGTERM and, if that is not enough, SIGKILL. */
  stop(): Promise<void>;
}

/** Starts a program in the foreground; what it says goes to the standard error of the bench. */
export function startProgram(
  path: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ServerProcess {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'inherit'], detached: true, ...options });
  const exited = once(child, 'exit');
  // Nothing of a bench that is interrupted shall go on running, workers of the server included.
  const killWithUs = (): void => void process.kill(-(child.pid as number), 'SIGKILL');
  process.once('exit', killWithUs);
  return {
    pid: child.pid as number,
    child,
    async end() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', killWithUs);
    },
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(killer);
      process.off('exit', killWithUs);
    },
  };
}

/** Resolves when somebody accepts connections on a port of this machine. */
export async function listening(port: number): Promise<void> {
  const giveUpMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    const accepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (accepted) return;
    if (performance.now() > giveUpMs) throw new Error(`nobody listens on port ${port}`);
    await delay(POLL_MS);
  }
}
