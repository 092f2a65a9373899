import { resolve } from 'node:path';
import { lockDataDir } from './data-dir-lock.ts';
import type { NatsProcess } from './process.ts';
import { launchNats } from './process.ts';
import { formerServerEnded } from './former-server.ts';

/** What the gateway's own NATS server is run with. */
export interface EmbeddedNatsOptions {
  /** Path of the nats-server executable, from `findNatsServer`. */
  readonly binary: string;
  /** Holds the store, the log (`nats-server.log`) and the lock. Created if absent. */
  readonly dataDir: string;
  /** Loopback port; default: the server chooses a free one. */
  readonly port?: number;
  /** Ends the start when aborted. */
  readonly signal?: AbortSignal;
}

/** The gateway's own NATS server. */
export type EmbeddedNats = Pick<NatsProcess, 'url' | 'port' | 'pid' | 'exited' | 'stop'>;

/**
 * Starts the gateway's own nats-server with JetStream, bound to loopback, and resolves when JetStream answers.
 * The data directory belongs to this server until it has ended.
 * @throws DataDirInUseError if another gateway or its server uses the directory; Error with the end of the server's log if it
 * does not start.
 */
export async function startEmbeddedNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const { dataDir, port = 0, ...rest } = options;
  const directory = resolve(dataDir);
  const unlock = lockDataDir(directory);
  try {
    await formerServerEnded(directory, options.signal);
    const nats = await launchNats({ ...rest, directory, port });
    const exited = nats.exited.finally(unlock);
    const stop = async (): Promise<void> => {
      await nats.stop();
      await exited;
    };
    return { url: nats.url, port: nats.port, pid: nats.pid, exited, stop };
  } catch (error) {
    unlock();
    throw error;
  }
}
