import type { Clock } from '../../common/clock.ts';
import { unlessAborted } from '../../common/unless-aborted.ts';
import { payloadLimit } from '../log/sizes.ts';
import type { NatsConnection } from '../nats/connection/connection.ts';
import { connectNats } from '../nats/connection/connection.ts';
import { NatsDirectory } from '../nats/read/directory.ts';
import { Feeds } from '../nats/feed/feeds.ts';
import { JetStreamApi } from '../nats/connection/jetstream-api.ts';
import { Monitor } from '../nats/monitor.ts';
import { openLeader } from '../nats/stream/open-leader.ts';
import { openStream } from '../nats/stream/open-stream.ts';
import type { OriginName } from '../nats/stream/origin-name.ts';
import { domainOf } from '../nats/stream/origin-name.ts';
import { Publisher } from '../nats/publish/publisher.ts';
import { probeReads } from '../nats/read/read-probe.ts';
import { Requests } from '../nats/connection/requests.ts';
import { proveAccess } from '../nats/start-probes.ts';
import { apiPrefix, Subjects } from '../nats/connection/subjects.ts';
import { NatsUpstream } from '../nats/upstream.ts';
import { UpstreamHealth, watchConnection } from '../nats/health/upstream-health.ts';
import type { ServerConfig } from '../config/config.ts';
import type { Logger } from '../observability/logging.ts';
import type { NatsServers } from './nats-servers.ts';
import type { StreamLeader } from '../nats/stream/leader.ts';

/** NATS as a gateway uses it: connected, its stream found fit, and what is known of both. */
export interface OpenedNats {
  readonly connection: NatsConnection;
  readonly subjects: Subjects;
  readonly leader: StreamLeader;
  readonly health: UpstreamHealth;
  readonly publisher: Publisher;
  readonly upstream: NatsUpstream;
  readonly directory: NatsDirectory;
  readonly requests: Requests;
  /** The stream that publishes go to. */
  readonly origin: OriginName;
  /** Bytes that a payload may have. */
  readonly maxPayload: number;
}

/** What opening it takes. */
export interface OpeningNats {
  /** Of the gateway, by which NATS knows it. */
  readonly id: string;
  readonly config: ServerConfig;
  readonly nats: NatsServers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the start when aborted. */
  readonly signal: AbortSignal | undefined;
  /** Takes what is to be done at the end, or when the start fails: the last first. */
  readonly undo: (step: () => Promise<void> | void) => void;
}

/**
 * Connects to NATS, opens the stream, and proves that the gateway may do what it has to.
 * @throws when one of these cannot be
 */
export async function openNats({
  id,
  config,
  nats,
  clock,
  logger,
  signal,
  undo,
}: OpeningNats): Promise<OpenedNats> {
  const going = <T>(work: Promise<T>): Promise<T> => unlessAborted(signal, work);
  const connection = await going(
    connectNats(nats.access, `live-gateway ${id}`, clock, logger, config.heartbeatMs),
  );
  undo(() => connection.close());
  const subjects = new Subjects(config.subjectPrefix);
  const opened = await going(openStream(connection, config, subjects, nats.owned, clock, logger));
  const { stream, jsDomain } = config;
  const requests = new Requests(connection, clock);
  const api = new JetStreamApi(requests, apiPrefix(jsDomain));
  const { leader, close } = await going(
    openLeader(opened, { requests, api, subjects, stream, clock, logger }),
  );
  undo(close);
  undo(() => leader.close());
  const health = new UpstreamHealth(logger);
  const publisher = new Publisher({
    connection,
    jsm: opened.jsm,
    subjects,
    origin: { stream: opened.origin.stream, domain: domainOf(opened.origin.api) },
    health,
    clock,
  });
  const feedDependencies = { connection, subjects: leader.subjects, clock, logger };
  await going(
    proveAccess({ feed: feedDependencies, api, leader, publisher, remote: jsDomain !== undefined }),
  );
  const feeds = new Feeds(feedDependencies, health);
  undo(() => feeds.close());
  const monitor = new Monitor({
    connection,
    stream: { inspect: (asking) => leader.inspect(asking), probeReads: () => probeReads(api, leader) },
    requirements: { settings: config, subjects: leader.subjects },
    health,
    feeds,
    clock,
    heartbeatMs: config.heartbeatMs,
    ...(nats.owned ? { repair: () => repairStream(connection, config, subjects, clock, logger) } : {}),
  });
  undo(() => monitor.close());
  leader.observe(monitor);
  const upstream = new NatsUpstream(connection, leader, feeds, health, clock, logger);
  undo(() => upstream.close());
  undo(watchConnection(connection, health));
  return {
    connection,
    subjects,
    leader,
    health,
    publisher,
    upstream,
    directory: new NatsDirectory(leader, upstream.ends),
    requests,
    origin: opened.origin,
    maxPayload: payloadLimit(connection.nc.info?.max_payload ?? 1024 * 1024, opened.stream.maxMessageBytes),
  };
}

/** Makes the stream of the gateway's own server again, or as it should be. */
async function repairStream(
  connection: NatsConnection,
  config: ServerConfig,
  subjects: Subjects,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  logger.warn({ stream: config.stream }, 'the stream is not there or not as it should be: making it again');
  await openStream(connection, config, subjects, true, clock, logger);
}
