import { cpus } from 'node:os';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { liveCounter, liveWebSocketCounter } from '../wire/live-counter.ts';
import { LiveEventsCounter } from '../wire/live-events.ts';
import { livePublication } from '../wire/live-publication.ts';
import type { LiveTransport } from '../wire/live-transports.ts';
import { liveByGrpc, liveByWebSocket } from '../wire/live-transports.ts';
import type { GatewayOptions, RunningGateway } from './live-gateway.ts';
import { gatewayInstalled, startLiveGateway } from './live-gateway.ts';
import { natsPublication } from './nats-core.ts';
import type { Peer, StartOptions } from './peer.ts';

/** This gateway, its viewers by one of its transports. */
export interface GatewayPeer extends Peer {
  start(options: StartOptions): Promise<RunningGateway>;
  /** How viewers come that keep a cursor and resume; absent where the bench has none. */
  readonly transport?: LiveTransport;
}

type Viewers = Pick<GatewayPeer, 'subscriber' | 'compressed' | 'replayer' | 'transport'>;

const gateway = (name: string, options: GatewayOptions, viewers: Viewers): GatewayPeer => ({
  name,
  installed: gatewayInstalled,
  start: (startOptions) => startLiveGateway(startOptions, options),
  ...viewers,
  publish: {
    /** As a backend would: a stock NATS client, straight into the stream's subject. */
    natural: (port) => natsPublication(port, (room) => new Subjects().room(room)),
    gateway: livePublication,
  },
});

const byGrpc: Viewers = {
  subscriber: (context) => liveCounter(context, { live: {} }),
  compressed: (context) => liveCounter(context, { live: {} }, ['FEATURE_DEFLATE']),
  replayer: (context) => liveCounter(context, { earliest: {} }),
  transport: liveByGrpc,
};

/** This gateway and its own nats-server, which stores every message. */
export const liveGateway = gateway('live-gateway', {}, byGrpc);

/** The same with a worker a core, as Nchan is run. */
export const liveGatewayWorkers = gateway('live-gateway-workers', { workers: cpus().length }, byGrpc);

/** The same gateway, its viewers by WebSocket. */
export const liveGatewayWebSocket = gateway(
  'live-gateway-websocket',
  { by: 'http' },
  {
    subscriber: (context) => liveWebSocketCounter(context, { live: {} }),
    replayer: (context) => liveWebSocketCounter(context, { earliest: {} }),
    transport: liveByWebSocket,
  },
);

/** The same gateway, its viewers by server-sent events. */
export const liveGatewaySse = gateway(
  'live-gateway-sse',
  { by: 'http' },
  {
    subscriber: (context) => new LiveEventsCounter(context, 'live'),
    replayer: (context) => new LiveEventsCounter(context, 'earliest'),
  },
);

const gateways: readonly GatewayPeer[] = [
  liveGateway,
  liveGatewayWorkers,
  liveGatewayWebSocket,
  liveGatewaySse,
];

/** Names of those whose viewers can resume. */
export const RESUMING: readonly string[] = [liveGateway.name, liveGatewayWebSocket.name];

/** @throws when it is none of the gateway's */
export function gatewayNamed(name: string): GatewayPeer {
  const found = gateways.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`${name} is no peer of the gateway's`);
  return found;
}
