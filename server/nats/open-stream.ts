import type { JetStreamManager } from 'nats';
import { ErrorCode, NatsError } from 'nats';
import type { Clock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';
import type { Logger } from '../ops/logging.ts';
import type { Upline } from './connection.ts';
import { isCreator } from './creator.ts';
import type { StreamSettings } from './stream-config.ts';
import type { OriginName } from './origin.ts';
import { refuseRivals } from './rivals.ts';
import type { OpenedStream } from './stream.ts';
import { ensureStream, REQUEST_TIMEOUT_MS } from './stream.ts';
import type { Subjects } from './subjects.ts';
import { apiPrefix } from './subjects.ts';

/** How long a starting gateway waits for JetStream, and how often it asks, in milliseconds. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** While a cluster comes together or elects a leader, JetStream is not available, or lacks peers for the copies. */
const CLUSTER_NOT_AVAILABLE = 10008;
const NO_SUITABLE_PEERS = 10005;

/** The stream that a gateway works with. */
export interface Opened {
  /** Its role, and whom publishes go to. */
  readonly stream: OpenedStream;
  readonly origin: OriginName;
  /** The JetStream of the origin. */
  readonly jsm: JetStreamManager;
}

/**
 * Opens JetStream with the stream as the gateway needs it, and waits while a cluster has no leader for it.
 * @param owned whether the NATS server is the gateway's own: its stream then follows the settings
 * @throws StreamMismatchError, or what NATS answers, still answers after half a minute, or does not answer
 */
export async function openStream(
  { nc }: Upline,
  settings: StreamSettings & { readonly jsDomain: string | undefined },
  subjects: Subjects,
  owned: boolean,
  clock: Clock,
  logger: Logger,
): Promise<Opened> {
  const giveUpMs = clock.monotonicMs() + PATIENCE_MS;
  const api = apiPrefix(settings.jsDomain);
  const manager = (apiPrefix: string): Promise<JetStreamManager> =>
    nc.jetstreamManager({ timeout: REQUEST_TIMEOUT_MS, apiPrefix });
  for (;;) {
    try {
      const jsm = await manager(api);
      const stream = await ensureStream({
        jsm,
        api,
        serverVersion: nc.info?.version ?? '',
        needs: { settings, subjects },
        owned,
        isCreator: async () => {
          const creator = await isCreator(nc, subjects, settings.stream, clock);
          if (creator) await refuseRivals(nc, settings, subjects, clock, undefined);
          return creator;
        },
        infoOf: async (origin) => (await manager(origin.api)).streams.info(origin.stream),
        logger,
      });
      await refuseRivals(nc, settings, subjects, clock, stream);
      if (stream.kind === 'origin') return { stream, origin: { stream: settings.stream, api }, jsm };
      return { stream, origin: stream.origin, jsm: await manager(stream.origin.api) };
    } catch (error) {
      if (!mayPass(error) || clock.monotonicMs() >= giveUpMs) throw error;
      logger.warn({ err: error }, 'JetStream is not ready yet, trying again');
      await sleep(clock, RETRY_MS, new AbortController().signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  const reason = error.api_error?.err_code;
  return (
    error.code === ErrorCode.Timeout.toString() ||
    reason === CLUSTER_NOT_AVAILABLE ||
    reason === NO_SUITABLE_PEERS
  );
}
