import { findNatsServer } from '../../nats-server/binary.ts';
import { startEmbeddedNats } from '../../nats-server/embedded.ts';
import type { ServerConfig } from '../config/config.ts';
import { openAccess } from '../nats/access/access.ts';
import type { NatsAccess } from '../nats/access/access.ts';
import type { Logger } from '../observability/logging.ts';
import { natsAccess } from './nats-access.ts';

/** The NATS servers that a gateway uses. */
export interface NatsServers {
  readonly access: NatsAccess;
  /** Whether they are the gateway's own: the stream then follows its settings. */
  readonly owned: boolean;
  /** Resolves with the reason when the gateway's own server has ended. */
  readonly failed: Promise<Error>;
  /** Ends the gateway's own server. */
  stop(): Promise<void>;
}

const NEVER = new Promise<never>(() => undefined);

/** NATS servers that somebody else runs. */
export function foreignNats(access: NatsAccess, owned = false): NatsServers {
  return { access, owned, failed: NEVER, stop: () => Promise.resolve() };
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
  const access = natsAccess(config);
  if (access !== undefined) return foreignNats(access);
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
  return { access: openAccess([url]), owned: true, failed, stop };
}
