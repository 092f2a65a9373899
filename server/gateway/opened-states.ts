import type { Random } from '../../common/random.ts';
import type { Clock } from '../../common/clock.ts';
import type { ServerConfig } from '../config/config.ts';
import { BucketNames, roomsBucket } from '../nats/bucket/bucket-names.ts';
import { BucketSnapshots } from '../nats/bucket/bucket-snapshots.ts';
import { bucketState } from '../nats/bucket/bucket-state.ts';
import { BucketWrites } from '../nats/bucket/bucket-writes.ts';
import { JetStreamApi } from '../nats/connection/jetstream-api.ts';
import { retryUntilReady } from '../nats/connection/retry-until-ready.ts';
import { apiPrefix } from '../nats/connection/subjects.ts';
import type { Logger } from '../observability/logging.ts';
import type { RoomStates } from '../room/room.ts';
import type { OpenedNats } from './opened-nats.ts';

/** How long the bucket's leader may take to answer, in milliseconds. */
const ASKING = { timeoutMs: 2_000 };

/** Nobody has it: whether it can be asked for. */
const PROBE_ROOM = 'probe';

/** What it takes to keep the states of rooms. */
export interface OpeningStates {
  readonly nats: Pick<OpenedNats, 'connection' | 'requests'>;
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * The bucket of what rooms are like, which is made if there is none. It is beside the stream that the gateway serves: gateways on a mirror have one of their own.
 * @throws when it cannot be read or written to, with what to do
 */
export async function openStates({
  nats: { connection, requests },
  config,
  clock,
  random,
  logger,
}: OpeningStates): Promise<RoomStates> {
  const { stream, jsDomain, replicas } = config;
  const api = new JetStreamApi(requests, apiPrefix(jsDomain));
  const names = new BucketNames(roomsBucket(stream));
  const writes = new BucketWrites({ connection, requests, api, names, replicas });
  const snapshots = new BucketSnapshots({ api, names, writes });
  await retryUntilReady(clock, logger, jsDomain !== undefined, async () => {
    if ((await bucketState(api, names.stream, ASKING)) === undefined) await writes.create();
    await snapshots.get(PROBE_ROOM).catch((error: unknown) => {
      // Whether that may pass can be told by what NATS has said.
      throw (error as Error).cause;
    });
  });
  if (!(await writes.mayWrite().catch(() => true))) {
    throw new Error(
      `permission to publish ${names.subject('>')} is missing: give it to the gateway's user, or do without --room-state`,
    );
  }
  logger.info({ bucket: names.bucket }, 'commands make the state of rooms');
  return { snapshots, random };
}
