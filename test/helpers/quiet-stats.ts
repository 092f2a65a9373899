import { Histogram } from '../../common/histogram.ts';
import type { GatewayStats } from '../../server/observability/stats.ts';

const nothing = (): Histogram => new Histogram([0.1, 1]);

/** Of a gateway at which nothing has happened yet. */
export function quietStats(): GatewayStats {
  return {
    sessions: 0,
    sessionKinds: [],
    sessionsMoved: 0,
    goAways: new Map(),
    slowConsumers: { streams: 0, connections: 0 },
    connections: 0,
    rooms: 0,
    viewers: 0,
    lagging: 0,
    unacknowledged: 0,
    memory: 0,
    memoryLimit: 0,
    receivingBytes: 0,
    descriptorsExhausted: 0,
    repairs: 0,
    historyReads: 0,
    historyReadSeconds: nothing(),
    joins: {},
    gaps: 0,
    resets: 0,
    delivered: [],
    deliverySeconds: nothing(),
    passSeconds: nothing(),
    eventLoopLagSeconds: nothing(),
    ephemeralSampledOut: 0,
    ephemeralOverRate: 0,
    ephemeralLate: 0,
    compressionSavedBytes: 0,
    publishes: [],
    publishSeconds: nothing(),
    tokensVerified: 0,
    tokenVerificationSeconds: 0,
    keysAgeSeconds: undefined,
    bansAgeSeconds: undefined,
    certificateExpiryMs: undefined,
    refused: new Map(),
    ready: true,
    natsUp: true,
    upstreamCauses: [],
    upstreamCausesArisen: new Map(),
  };
}
