import type { IncomingMessage } from 'node:http';
import type { Origin, Origins } from '../connections/origins.ts';
import { peerName } from '../connections/peer-name.ts';

/** Where a request comes from: from the other end of its connection or, where that is a trusted proxy, from whom that names. */
export function requestOrigin(origins: Origins, { socket, headers }: IncomingMessage): Origin {
  return origins.ofCall(peerName(socket), () => [headers['x-forwarded-for'] ?? ''].flat());
}
