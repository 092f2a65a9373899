import type { Authenticator } from '../auth/authenticator.ts';
import type { ServerConfig } from '../config/config.ts';
import type { GatewayStats } from '../observability/stats.ts';
import type { Hub } from '../room/hub.ts';
import type { PublishService } from '../session/publish-service.ts';
import type { Readiness } from '../session/readiness.ts';
import type { Refusals } from '../session/refusals.ts';
import type { Sessions } from '../session/sessions.ts';
import type { CurrentCertificates } from '../tls/certificates.ts';
import { authenticationStats } from './authentication.ts';
import type { DescriptorWatch } from './descriptor-watch.ts';
import type { FanOut } from './fan-out.ts';
import type { Listeners } from './listeners.ts';
import type { OpenedNats } from './opened-nats.ts';

/** The parts of a gateway that count something. */
export interface Counting {
  readonly config: ServerConfig;
  readonly sessions: Sessions;
  readonly fanOut: FanOut;
  readonly hub: Hub;
  readonly publishing: PublishService;
  readonly refusals: Refusals;
  readonly readiness: Readiness;
  readonly listeners: Listeners;
  readonly descriptors: DescriptorWatch;
  readonly nats: Pick<OpenedNats, 'connection' | 'health'>;
  readonly authenticator: Authenticator;
  readonly bansAgeMs: number | undefined;
  readonly certificates: CurrentCertificates | undefined;
}

/** What they have counted so far. */
export function gatewayStats(counting: Counting): GatewayStats {
  const { config, sessions, fanOut, hub, publishing, listeners, nats } = counting;
  return {
    ...hub.counters,
    ...authenticationStats(counting.authenticator, counting.bansAgeMs),
    sessions: sessions.count,
    sessionKinds: sessions.kinds,
    sessionsMoved: sessions.moved,
    goAways: sessions.goAways,
    slowConsumers: sessions.slowConsumers,
    connections: listeners.connections,
    rooms: hub.roomCount,
    memory: hub.memory,
    memoryLimit: config.logBytes,
    receivingBytes: listeners.receivingBytes,
    descriptorsExhausted: counting.descriptors.times,
    delivered: fanOut.traffic.delivered,
    deliverySeconds: fanOut.traffic.latencySeconds,
    compressionSavedBytes: fanOut.traffic.savedBytes,
    passSeconds: fanOut.passSeconds,
    eventLoopLagSeconds: fanOut.lag.seconds,
    publishes: publishing.counts.all,
    publishSeconds: publishing.counts.seconds,
    refused: counting.refusals.counts,
    ready: counting.readiness.ready,
    natsUp: nats.connection.up,
    upstreamCauses: nats.health.causes,
    upstreamCausesArisen: nats.health.arisen,
    certificateExpiryMs: counting.certificates?.expiryMs,
  };
}
