import { findNatsServer } from '../../nats-server/binary.ts';
import { startEmbeddedNats } from '../../nats-server/embedded.ts';
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../observability/logging.ts';

/** The NATS servers that a gateway uses. */
export interface NatsServers {
  readonly urls: readonly string[];
  /** Whether they are the gateway's own: the stream then follows its settings. */
  readonly owned: boolean;
  /** Resolves with the reason when the gateway's own server has ended. */
  readonly failed: Promise<Error>;
  /** Ends the gateway's own server. */
  stop(): Promise<void>;
}

const NEVER = new Promise<never>(() => undefined);

/** NATS servers that somebody else runs. */
export function foreignNats(urls: readonly string[], owned = false): NatsServers {
  return { urls, owned, failed: NEVER, stop: () => Promise.resolve() };
}

/**
 * The servers that the configuration names or, if it names none, one of our own, which this starts.
 * @param signal ends the start when aborted; nothing is then left running
 * @throws when it cannot be started
 */
export async function natsServers(
  config: ServerConfig,
  logger: Logger,
  signal?: AbortSignal,
): Promise<NatsServers> {
  if (config.nats !== undefined) return foreignNats(config.nats);
  const binary = await findNatsServer({
    explicit: config.natsServer,
    onProgress: (message) => logger.info({}, message),
    ...(signal && { signal }),
  });
  const { url, pid, exited, stop } = await startEmbeddedNats({
    binary,
    dataDir: config.dataDir,
    ...(signal && { signal }),
  });
  logger.info({ url, pid, dataDir: config.dataDir }, 'running our own NATS server');
  const failed = exited.then(() => new Error('our own NATS server has ended'));
  return { urls: [url], owned: true, failed, stop };
}
