import type { JetStreamManager } from 'nats';
import { ErrorCode, NatsError } from 'nats';
import type { Clock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';
import type { Logger } from '../ops/logging.ts';
import type { Upline } from './connection.ts';
import { isCreator } from './creator.ts';
import type { StreamSettings } from './stream-config.ts';
import type { Subjects } from './subjects.ts';
import { ensureStream, REQUEST_TIMEOUT_MS } from './stream.ts';

/** How long a starting gateway waits for JetStream, and how often it asks, in milliseconds. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** While a cluster comes together or elects a leader, JetStream is not available, or lacks peers for the copies. */
const CLUSTER_NOT_AVAILABLE = 10008;
const NO_SUITABLE_PEERS = 10005;

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
): Promise<JetStreamManager> {
  const giveUpMs = clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    try {
      const jsm = await nc.jetstreamManager({
        timeout: REQUEST_TIMEOUT_MS,
        ...(settings.jsDomain === undefined ? {} : { domain: settings.jsDomain }),
      });
      const create = (): Promise<boolean> => isCreator(nc, subjects, settings.stream, clock);
      await ensureStream(jsm, nc.info?.version ?? '', { settings, subjects }, owned, create, logger);
      return jsm;
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
