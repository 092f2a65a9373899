import type { Clock } from '../../common/clock.ts';
import type { Exclusions } from '../auth/exclusions.ts';
import type { ServerConfig } from '../config/config.ts';
import { BucketNames, exclusionsBucket } from '../nats/bucket/bucket-names.ts';
import { BucketStore } from '../nats/bucket/bucket-store.ts';
import { BucketWatch } from '../nats/bucket/bucket-watch.ts';
import { JetStreamApi } from '../nats/connection/jetstream-api.ts';
import { retryUntilReady } from '../nats/connection/retry-until-ready.ts';
import type { Logger } from '../observability/logging.ts';
import type { OpenedNats } from './opened-nats.ts';

/** What it takes to know who is excluded. */
export interface OpeningExclusions {
  readonly exclusions: Exclusions;
  readonly nats: Pick<OpenedNats, 'connection' | 'requests' | 'origin'>;
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes what is to be done at the end. */
  readonly undo: (step: () => void) => void;
}

/** The bucket of who is excluded: it is watched, and can be written to. */
export interface OpenedExclusions {
  readonly store: BucketStore;
  readonly watch: BucketWatch;
}

/**
 * Reads who is excluded, and goes on to. The bucket is that of the stream that publishes go to: gateways on mirrors have the same one.
 * @throws when it cannot be known: viewers are not let in by a gateway that does not know whom to keep out
 */
export async function openExclusions({
  exclusions,
  nats: { connection, requests, origin },
  config,
  clock,
  logger,
  undo,
}: OpeningExclusions): Promise<OpenedExclusions> {
  const api = new JetStreamApi(requests, origin.api);
  const names = new BucketNames(exclusionsBucket(origin.stream));
  const watch = new BucketWatch({ connection, api, names, reader: exclusions, clock, logger });
  undo(() => watch.close());
  await retryUntilReady(clock, logger, config.jsDomain !== undefined, () => watch.start());
  logger.info({ bucket: names.bucket, entries: exclusions.count }, 'bans and revoked tokens are known');
  const store = new BucketStore({ connection, requests, api, names, watch, replicas: config.replicas });
  const mayWrite = await store.mayWrite().catch(() => true);
  if (!mayWrite) {
    const reason = `permission to publish ${names.subject('>')} is missing`;
    logger.warn({ reason }, 'moderators cannot ban by this gateway');
  }
  return { watch, store };
}
