import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { NatsProcess } from '../../nats-server/process.ts';
import { launchNats, logFile } from '../../nats-server/process.ts';
import { until } from './poll.ts';
import { isStopped } from './processes.ts';
import { removeDirectory } from './temp-dir.ts';

/** How `startNats` runs the server. */
export interface TestNatsOptions {
  /** Text of a nats-server configuration file, for what has no flag (max_payload, authorization, cluster …). */
  readonly config?: string;
  /** Loopback port; absent: the server chooses a free one. */
  readonly port?: number;
  /** What to run; absent: the nats-server that is found. */
  readonly binary?: string;
}

/** A real nats-server with JetStream in a directory of its own. `await using` stops it. */
export interface TestNats extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** Of the running process; another one after `restart()`. */
  readonly pid: number;
  /** SIGKILL, as a crash; resolves when the process is gone. The JetStream directory stays. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. Resolves when the whole process stands still. */
  pause(): Promise<void>;
  /** SIGCONT: ends a pause. */
  resume(): void;
  /** Gives the running server another configuration; resolves when that holds. */
  reload(config: string): Promise<void>;
  /** Gives the server another configuration; NATS before 2.10 is restarted for it, because its JetStream does not survive a reload of permissions. */
  reconfigure(config: string): Promise<void>;
  /** Starts again on the same port and directory, with another configuration if given; a server still running is stopped with SIGTERM first. */
  restart(config?: string): Promise<void>;
  /** Stops the server and removes its directory. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a nats-server with JetStream on a free loopback port; resolves when JetStream answers. */
export async function startNats({
  config = '',
  port = 0,
  binary: given,
}: TestNatsOptions = {}): Promise<TestNats> {
  const directory = await mkdtemp(join(tmpdir(), 'live-nats-'));
  const configFile = join(directory, 'nats-server.conf');
  await writeFile(configFile, config);
  const binary = given ?? (await findNatsServer());
  const launch = (onPort: number): Promise<NatsProcess> =>
    launchNats({ binary, directory, port: onPort, args: ['--config', configFile] });

  let running = await launch(port);
  const end = async (): Promise<void> => {
    running.signal('SIGCONT');
    await running.stop();
  };
  const stop = async (): Promise<void> => {
    await end();
    await removeDirectory(directory);
  };
  const log = (): Promise<string> => readFile(logFile(directory), 'utf8');
  const reload = async (next: string): Promise<void> => {
    const reloads = async (): Promise<number> => (await log()).split('Reloaded server configuration').length;
    const before = await reloads();
    await writeFile(configFile, next);
    running.signal('SIGHUP');
    await until('nats-server has reloaded', async () => (await reloads()) > before);
  };
  const restart = async (next?: string): Promise<void> => {
    await end();
    if (next !== undefined) await writeFile(configFile, next);
    running = await launch(running.port);
  };
  return {
    url: running.url,
    port: running.port,
    directory,
    get pid() {
      return running.pid;
    },
    async kill() {
      running.signal('SIGKILL');
      await running.exited;
    },
    async pause() {
      running.signal('SIGSTOP');
      await until('nats-server stands still', () => isStopped(running.pid));
    },
    resume: () => running.signal('SIGCONT'),
    reload,
    restart,
    async reconfigure(next) {
      const survives = !/Version: +2\.9\./.test(await log());
      await (survives ? reload(next) : restart(next));
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
