import { anycableGo } from './anycable-go.ts';
import { centrifugo } from './centrifugo.ts';
import { grpcJs, nodeHttp2, nodeWebSocket } from './floors.ts';
import { liveGateway, liveGatewaySse, liveGatewayWebSocket, liveGatewayWorkers } from './gateways.ts';
import { mosquitto } from './mosquitto.ts';
import { natsCore } from './nats-core.ts';
import { nchan } from './nchan.ts';
import type { Peer } from './peer.ts';
import { socketIo } from './socket-io.ts';

/** All that can be measured, this gateway first, then the floors below it. */
export const peers: readonly Peer[] = [
  liveGateway,
  liveGatewayWorkers,
  liveGatewayWebSocket,
  liveGatewaySse,
  grpcJs,
  nodeHttp2,
  nodeWebSocket,
  nchan,
  mosquitto,
  socketIo,
  natsCore,
  centrifugo,
  anycableGo,
];

/** @throws when there is none of that name */
export function peerNamed(name: string): Peer {
  const peer = peers.find((candidate) => candidate.name === name);
  if (peer === undefined) {
    throw new Error(`no peer ${name}; there are ${peers.map((candidate) => candidate.name).join(', ')}`);
  }
  return peer;
}
