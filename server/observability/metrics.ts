import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Address } from '../../common/units.ts';
import { formatAddress } from '../../common/units.ts';
import { UPSTREAM_CAUSES } from '../upstream/upstream-cause.ts';
import type { GatewayStats } from './stats.ts';

/** Stats that are one number. */
type Counted = {
  [Key in keyof GatewayStats]: GatewayStats[Key] extends number ? Key : never;
}[keyof GatewayStats];

/** Stats that go up and down. */
const GAUGES = {
  sessions: 'Streams of viewers open now.',
  connections: 'TCP connections open now.',
  rooms: 'Rooms open now.',
  lagging: "Viewers that have not been handed everything up to their room's head.",
  unacknowledged: 'Viewers whose application has not confirmed everything that they were handed.',
  memory: 'Memory taken by messages, in bytes.',
  receivingBytes: 'Memory taken by frames and requests of clients that are not complete, in bytes.',
} satisfies Partial<Record<Counted, string>>;

/** Stats that only go up. */
const COUNTERS = {
  sessionsMoved: 'Streams of viewers that were sent to gateways with fewer.',
  descriptorsExhausted:
    'Times that no more files and sockets could be opened, and connections were closed as they came: raise the limit of open files.',
  repairs: 'Times that the feed of a room could not be proven and the stream was asked.',
  historyReads: 'Pages of history read from the stream.',
  gaps: 'Gaps announced to viewers.',
  resets: 'Resets announced to viewers.',
  ephemeralSampledOut: 'Ephemeral messages beyond the budgets of their rooms, which no viewer got.',
  ephemeralDropped: 'Ephemeral messages that viewers were told they missed, for whatever reason.',
  tokensVerified: 'Tokens that were verified, with whatever outcome.',
  tokenVerificationSeconds: 'Time that verifying tokens took altogether.',
  compressionSavedBytes: 'Bytes that compression kept from being sent.',
} satisfies Partial<Record<Counted, string>>;

/** A running metrics endpoint. */
export interface MetricsEndpoint {
  /** `host:port` that `/metrics` is served on. */
  readonly address: string;
  close(): Promise<void>;
}

/** What is served: a registry, or what adds up those of many processes. */
export type MetricsSource = Pick<Registry, 'contentType' | 'metrics'>;

/**
 * Serves `/metrics` for Prometheus.
 * @throws when the address cannot be listened on
 */
export async function serveMetrics({ host, port }: Address, source: MetricsSource): Promise<MetricsEndpoint> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('metrics are served on /metrics\n');
      return;
    }
    source.metrics().then(
      (text) => response.writeHead(200, { 'content-type': source.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress({ host: bound.address, port: bound.port }),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A gateway's metrics. The stats are read when somebody asks, once for all metrics. */
export function gatewayMetrics(takeStats: () => GatewayStats): Registry {
  const stats = onceATurn(takeStats);
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const [key, help] of Object.entries(GAUGES) as [keyof typeof GAUGES, string][]) {
    new Gauge({
      name: metricName(key),
      help,
      registers,
      collect() {
        this.set(stats()[key]);
      },
    });
  }
  for (const [key, help] of Object.entries(COUNTERS) as [keyof typeof COUNTERS, string][]) {
    new Counter({
      name: `${metricName(key)}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(stats()[key]);
      },
    });
  }
  new Gauge({
    name: 'live_gateway_keys_age_seconds',
    help: 'How long ago the keys at --jwks-url were confirmed; those that are known serve on.',
    registers,
    aggregator: 'max',
    collect() {
      const { keysAgeSeconds } = stats();
      if (keysAgeSeconds !== undefined) this.set(keysAgeSeconds);
    },
  });
  new Gauge({
    name: 'live_gateway_bans_age_seconds',
    help: 'How long ago the bucket of bans and revoked tokens was read; those that are known count on. Absent where nobody is asked for a token.',
    registers,
    aggregator: 'max',
    collect() {
      const { bansAgeSeconds } = stats();
      if (bansAgeSeconds !== undefined) this.set(bansAgeSeconds);
    },
  });
  new Gauge({
    name: 'live_gateway_certificate_expiry_timestamp_seconds',
    help: 'When the TLS certificate that viewers are shown expires, since the Unix epoch: renew it before. Absent without TLS.',
    // All workers have the same one; in a moment of change the one that expires first counts.
    aggregator: 'min',
    registers,
    collect() {
      const { certificateExpiryMs } = stats();
      if (certificateExpiryMs === undefined) this.remove();
      else this.set(certificateExpiryMs / 1_000);
    },
  });
  new Gauge({
    name: 'live_gateway_upstream_degraded',
    help: 'What is wrong between the gateway and NATS: 1 while it is.',
    labelNames: ['cause'],
    registers,
    collect() {
      const { upstreamCauses } = stats();
      for (const cause of UPSTREAM_CAUSES) this.set({ cause }, upstreamCauses.includes(cause) ? 1 : 0);
    },
  });
  new Counter({
    name: 'live_gateway_upstream_degraded_total',
    help: 'Times that it went wrong.',
    labelNames: ['cause'],
    registers,
    collect() {
      this.reset();
      for (const [cause, times] of stats().upstreamCausesArisen) this.inc({ cause }, times);
    },
  });
  new Counter({
    name: 'live_gateway_refused_total',
    help: 'Connections, calls, joins, publishes and frames that were refused, by the reason that was given. docs/protocol.md says what each means.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, times] of stats().refused) this.inc({ reason }, times);
    },
  });
  return registry;
}

/** The same answer for all who ask in one turn of the event loop: the registry asks for each metric by itself. */
function onceATurn<T extends object>(take: () => T): () => T {
  let taken: T | undefined;
  return () => {
    if (taken === undefined) {
      taken = take();
      setImmediate(() => (taken = undefined));
    }
    return taken;
  };
}

const metricName = (key: string): string =>
  `live_gateway_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
