import { randomUUID } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import { Turns } from '../../common/turns.ts';
import { unlessAborted } from '../../common/unless-aborted.ts';
import { ViewerCounts } from '../cluster/viewer-counts.ts';
import { Fleet } from '../cluster/fleet.ts';
import { Hub } from '../room/hub.ts';
import { canVerify } from '../upstream/upstream-cause.ts';
import { GatewayNews } from '../nats/gateway-news.ts';
import type { ServerConfig } from '../config/config.ts';
import { answersOwnNamesOnly } from '../config/own-names.ts';
import type { Logger } from '../observability/logging.ts';
import { serveMetrics } from '../observability/metrics-endpoint.ts';
import type { MetricsSource } from '../observability/metrics.ts';
import { metricsOnDemand } from '../observability/metrics.ts';
import type { Watched } from '../observability/probes.ts';
import type { GatewayStats } from '../observability/stats.ts';
import { advertised } from './advertised.ts';
import { openAuthentication } from './authentication.ts';
import { certificateFiles } from '../tls/certificate-files.ts';
import { watchCertificates } from '../tls/certificate-watch.ts';
import type { CurrentCertificates, TlsMode } from '../tls/certificates.ts';
import { openExclusions } from './opened-exclusions.ts';
import { DescriptorWatch } from './descriptor-watch.ts';
import { openFanOut } from './fan-out.ts';
import { gatewayStats } from './gateway-stats.ts';
import { openNats } from './opened-nats.ts';
import { openStates } from './opened-states.ts';
import type { NatsServers } from './nats-servers.ts';
import { natsServers } from './nats-servers.ts';
import { Rebalancing } from '../cluster/rebalancing.ts';
import { openTracing } from '../observability/opened-tracing.ts';
import { openAuditLog } from '../observability/audit-log.ts';
import { Policies } from '../policy/policies.ts';
import { Moderation } from '../session/moderation.ts';
import { UserRates } from '../session/user-rates.ts';
import { PublishService } from '../session/publish-service.ts';
import { RoomRules } from '../session/room-rules.ts';
import { Readiness } from '../session/readiness.ts';
import { Refusals } from '../session/refusals.ts';
import { Traces } from '../session/traces.ts';
import { Sessions } from '../session/sessions.ts';
import type { UnaryContext } from '../session/unary.ts';
import type { Keepalive } from '../transport/connections/keepalive.ts';
import type { SecondGateway } from '../transport/demo/second-gateway.ts';
import { roomLimits, userLimits } from './limits.ts';
import { openListeners } from './listeners.ts';

/** Fixed bounds of sessions; those that operators tune are settings. Times in milliseconds. */
const SESSION_LIMITS = { rooms: 100, publishes: 256, helloMs: 10_000 };
/** `GetRoom` and `Pull` that ask the stream's leader at once, and that wait for their turn. */
const LOOK_UPS = { atOnce: 8, waitingOfGroup: 256, waiting: 8_192 };
/** How long what was said last may take to get out when the gateway ends, in milliseconds. */
const LAST_WORDS_MS = 500;

const KEEPALIVE: Keepalive = { timeMs: 20_000, timeoutMs: 30_000 };

/** A running gateway. */
export interface Gateway {
  /** `host:port` that viewers connect to. */
  readonly address: string;
  /** NATS servers in use. */
  readonly nats: readonly string[];
  /** `host:port` of the metrics; undefined when they are not served. */
  readonly metrics: string | undefined;
  /** `host:port` where viewers are served that speak no gRPC; undefined when they are not. */
  readonly http: string | undefined;
  /** How viewers' connections are secured. */
  readonly tls: TlsMode;
  readonly stats: GatewayStats;
  readonly readiness: Readiness;
  /** Reads the certificates again, without waiting until their files are next looked at. */
  reload(): void;
  /** What settings may change while it runs is from now on as this configuration says. */
  reconfigure(config: ServerConfig): void;
  /** Resolves with the reason when the gateway cannot go on: its own NATS server has died. */
  readonly failed: Promise<Error>;
  /** Sends the viewers away, spread over `windowMs` milliseconds, then closes. */
  drain(windowMs: number): Promise<void>;
  /** Ends everything at once; viewers resume elsewhere. */
  close(): Promise<void>;
}

/** What a gateway depends on beside its configuration; tests inject time and chance. */
export interface GatewayDependencies {
  /** The NATS servers to use; absent: those of the configuration. */
  readonly nats?: NatsServers;
  /** What viewers are shown; absent: what the files of the configuration hold. */
  readonly certificates?: CurrentCertificates;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly keepalive?: Keepalive;
  /** Makes the gateway beside this one that its demo has to show; absent: there is none. */
  readonly second?: (nats: NatsServers) => SecondGateway;
  /** Whether HTTP is served only to who asks for this machine by one of its own names. Default: see {@link answersOwnNamesOnly}. */
  readonly thisMachineOnly?: boolean;
  /** What is served as the metrics, of this gateway and others. Absent: its own. */
  readonly metrics?: MetricsSource;
  /** Ends the start when aborted: what was opened is closed again. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a gateway.
 * @throws when a certificate, NATS or the address cannot be had, or the stream exists with another configuration
 */
export async function startGateway(
  config: ServerConfig,
  logger: Logger,
  {
    nats: given,
    certificates: givenCertificates,
    clock = systemClock,
    random = Math.random,
    keepalive = KEEPALIVE,
    second: secondOf,
    thisMachineOnly = answersOwnNamesOnly(config),
    metrics: givenMetrics,
    signal,
  }: GatewayDependencies = {},
): Promise<Gateway> {
  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const authenticator = await openAuthentication(config, clock, logger);
    if (authenticator.kind === 'tokens') undo.push(() => authenticator.verifier.close());
    const files = givenCertificates === undefined ? certificateFiles(config) : undefined;
    const certificateWatch = files && (await watchCertificates(files, clock, logger));
    undo.push(() => certificateWatch?.close());
    const certificates = givenCertificates ?? certificateWatch?.current;
    const nats = given ?? (await natsServers(config, logger, signal));
    undo.push(() => nats.stop());
    const id = randomUUID();
    const tracer = await openTracing(process.env, id, logger);
    undo.push(() => tracer?.close());
    const traces = tracer && new Traces(tracer, config.subjectPrefix);
    const openedNats = await openNats({
      id,
      config,
      nats,
      clock,
      logger,
      signal,
      undo: (step) => undo.push(step),
    });
    const { connection, subjects, leader, health, publisher, upstream, directory, maxPayload } = openedNats;
    const excluded =
      authenticator.kind === 'tokens'
        ? await unlessAborted(
            signal,
            openExclusions({
              exclusions: authenticator.exclusions,
              nats: openedNats,
              config,
              clock,
              logger,
              undo: (step) => undo.push(step),
            }),
          )
        : undefined;
    const viewerCounts = new ViewerCounts(id);
    const fanOut = openFanOut(clock);
    undo.push(() => fanOut.lag.close());
    const { scheduler, traffic } = fanOut;
    const states = config.roomState
      ? await unlessAborted(signal, openStates({ nats: openedNats, config, clock, random, logger }))
      : undefined;
    const hub = new Hub(upstream, viewerCounts, clock, roomLimits(config), () => scheduler.busy, states);
    undo.push(() => hub.close());
    const fleet = new Fleet(config.stream);
    const news = new GatewayNews({
      connection,
      subjects,
      gateway: id,
      viewerCounts,
      fleet,
      clock,
      logger,
      changed: () => hub.tellAudiences(),
    });
    undo.push(() => news.close());
    let verifiable = true;
    health.onChange((causes) => {
      if (canVerify(causes) === verifiable) return;
      verifiable = !verifiable;
      if (verifiable) hub.distrustFeeds();
      else hub.suspend();
    });
    const rates = new UserRates(userLimits(config, authenticator), clock);
    undo.push(() => rates.close());
    const policies = new Policies(config.namespaces);
    const roomRules = new RoomRules(hub, clock);
    const rulesOfPublications = { maxPayload, policies };
    const publishing = new PublishService(publisher, rulesOfPublications, rates, clock, {
      roomRules,
      traces,
    });
    const audit = openAuditLog(config.auditLog, logger, clock);
    undo.push(() => audit.close());
    const refusals = new Refusals(logger, audit);
    const sessions = new Sessions(
      {
        hub,
        scheduler,
        traffic,
        publishing,
        authenticator,
        rates,
        policies,
        clock,
        logger,
        refusals,
        limits: {
          ...SESSION_LIMITS,
          heartbeatMs: config.heartbeatMs,
          tokenGraceMs: config.tokenGraceMs,
        },
        epoch: () => leader.epoch,
        upstreamCauses: () => health.causes,
        traces,
      },
      config.slowConsumerTimeoutMs,
      fleet,
      random,
    );
    undo.push(() => sessions.close());
    const life = {
      get received() {
        return connection.bytesReceived;
      },
      get answers() {
        return canVerify(health.causes);
      },
    };
    const unary: UnaryContext = {
      hub,
      directory,
      lookUps: new Turns(LOOK_UPS),
      rates,
      policies,
      publishing,
      authenticator,
      life,
      clock,
      refusals,
      moderation: new Moderation({ store: excluded?.store, audit, clock }),
      traces,
    };
    const second = secondOf?.(nats);
    const readiness = new Readiness(health);
    const watched: Watched = {
      metrics: givenMetrics ?? metricsOnDemand(() => stats()),
      notReady: () => readiness.reasons,
    };
    const listeners = await openListeners(
      {
        config,
        certificates,
        keepalive,
        sessions,
        scheduler,
        unary,
        readiness,
        watched,
        logger,
        random,
        second,
        thisMachineOnly,
      },
      (step) => undo.push(step),
    );
    undo.push(() => second?.close());
    if (listeners.http !== undefined) await second?.begin(listeners.http);
    const endpoint = advertised(config, listeners.address);
    news.tellLoad(() => {
      // As for load balancers: who cannot prove what it says takes no viewers from others.
      return readiness.ready ? { stream: config.stream, sessions: sessions.count, endpoint } : undefined;
    });
    const rebalancing = new Rebalancing(sessions, fleet, config.rebalancePercent, clock, logger);
    undo.push(() => rebalancing.close());
    const descriptors = new DescriptorWatch(clock, logger);
    undo.push(() => descriptors.close());
    const stats = (): GatewayStats =>
      gatewayStats({
        ...{ config, sessions, fanOut, hub, publishing, refusals, readiness, listeners, descriptors },
        ...{ authenticator, certificates, nats: openedNats, bansAgeMs: excluded?.watch.ageMs },
      });
    const metrics = config.metrics && (await serveMetrics(config.metrics, watched));
    if (metrics !== undefined) undo.push(() => metrics.close());
    return {
      address: listeners.address,
      http: listeners.http,
      metrics: metrics?.address,
      nats: nats.access.urls,
      tls: certificates?.mode ?? 'off',
      readiness,
      get stats() {
        return stats();
      },
      reload: () => void certificateWatch?.reload(),
      reconfigure(changed) {
        rates.limit(userLimits(changed, authenticator));
        hub.limit(roomLimits(changed));
        policies.replace(changed.namespaces);
        rebalancing.limit(changed.rebalancePercent);
        listeners.limit(changed);
      },
      failed: nats.failed,
      async drain(windowMs) {
        listeners.stopAccepting();
        rebalancing.close();
        const drained = sessions.drain(windowMs);
        // Nobody is to be sent here by others that drain, not even until the next turn.
        news.tellNews();
        await drained;
        await listeners.finish(LAST_WORDS_MS);
        await unwind();
      },
      close: unwind,
    };
  } catch (error) {
    await unwind();
    throw error;
  }
}
