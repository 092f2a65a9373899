import type { Socket } from 'node:net';

/** The name of a connection's other end: as grpc-js names the peer of a call. */
export function peerName({
  remoteAddress,
  remotePort,
}: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}:${remotePort}`;
}
