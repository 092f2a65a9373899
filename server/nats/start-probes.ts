import type { FeedSink } from '../upstream/upstream.ts';
import type { FeedDependencies } from './feed/feed.ts';
import { RoomFeed } from './feed/feed.ts';
import type { JetStreamApi } from './connection/jetstream-api.ts';
import type { StreamLeader } from './stream/leader.ts';
import { NotReadyError, retryUntilReady } from './connection/retry-until-ready.ts';
import type { Publisher } from './publish/publisher.ts';
import { probeRoom } from './probe-room.ts';
import { RequestError } from './connection/requests.ts';
import { consumerConfig } from './read/consumer-config.ts';
import { probeReads } from './read/read-probe.ts';

/** What the probes of the start depend on. */
export interface ProbeDependencies {
  readonly feed: FeedDependencies;
  readonly api: JetStreamApi;
  readonly leader: StreamLeader;
  readonly publisher: Pick<Publisher, 'test'>;
  /** See {@link retryUntilReady}. */
  readonly remote: boolean;
}

/** Of a room that nobody uses nothing is told. */
const NO_SINK: FeedSink = {
  reliable: () => undefined,
  doubtful: () => undefined,
  ephemeral: () => undefined,
};

/**
 * Proves that the gateway can do what it needs to: read the stream, listen to rooms, and publish. Stores nothing.
 * @throws an error that says what stands in the way and what to do
 */
export async function proveAccess(dependencies: ProbeDependencies): Promise<void> {
  const { feed, api, leader, remote } = dependencies;
  await retryUntilReady(feed.clock, feed.logger, remote, async () => {
    await probeReads(api, leader);
    await probeWholeStream(leader);
    await probeAccount(dependencies);
    await probeFeed(feed);
    await probeNews(feed);
    await probePublishing(dependencies);
  });
}

/** What the stream holds of whatever room is looked for without a filter, which is permitted by another subject. */
async function probeWholeStream(leader: StreamLeader): Promise<void> {
  await leader.withConsumer(consumerConfig(undefined, { kind: 'seq', seq: 1 }), () => Promise.resolve());
}

/** Only tells publishers why, when the account has no space left. */
async function probeAccount({ api, feed: { logger } }: ProbeDependencies): Promise<void> {
  await api.ask('INFO').catch((error: unknown) => {
    if (!(error instanceof RequestError && error.kind === 'forbidden')) throw error;
    logger.warn({ reason: error.message }, 'that the account is full cannot be told');
  });
}

/** What gateways tell each other comes by one subscription, which nobody looks after later. */
async function probeNews({ connection, subjects }: FeedDependencies): Promise<void> {
  const subscription = connection.nc.subscribe(subjects.gateways, { callback: () => undefined });
  const errors = await connection.sync();
  subscription.unsubscribe();
  if (
    errors.some(({ operation, subject }) => operation === 'subscription' && subject === subjects.gateways)
  ) {
    throw new Error(`permission to subscribe to ${subjects.gateways} is missing`);
  }
}

async function probeFeed(dependencies: FeedDependencies): Promise<void> {
  const feed = new RoomFeed(dependencies, probeRoom(), NO_SINK, () => undefined);
  try {
    await feed.subscribe();
    const [missing] = feed.missing;
    if (missing !== undefined) throw new Error(`permission to subscribe to ${missing} is missing`);
  } finally {
    feed.close();
  }
}

async function probePublishing({
  feed: { connection, subjects, logger },
  publisher,
}: ProbeDependencies): Promise<void> {
  const room = probeRoom();
  const outcome = await publisher.test(room);
  if (outcome?.kind === 'unknown') throw new NotReadyError(outcome.detail);
  // A full stream serves viewers all the same, and publishers are told.
  if (outcome?.kind === 'refused' && outcome.refusal !== 'full') {
    const passes = outcome.refusal === 'unready' || outcome.refusal === 'away';
    throw passes ? new NotReadyError(outcome.detail) : new Error(outcome.detail);
  }
  // An empty message tells the others nothing.
  for (const subject of [subjects.gateways, subjects.ephemeral(room)]) connection.nc.publish(subject);
  for (const { operation, subject = '' } of await connection.sync()) {
    if (operation !== 'publish') continue;
    const reason = `permission to publish ${subject} is missing`;
    if (subject === subjects.gateways) throw new Error(reason);
    // Viewers are served all the same, and whoever publishes is told.
    logger.warn({ reason }, 'ephemeral messages cannot be published through this gateway');
  }
}
