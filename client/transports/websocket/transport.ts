import { status } from '../../../protos/status-codes.ts';
import { parseEndpoint } from '../../core/endpoint.ts';
import { LiveError } from '../../core/errors.ts';
import type { Transport } from '../../core/transport.ts';
import { ConnectCalls } from './calls.ts';
import { WebSocketLink } from './link.ts';
import type { Network } from './socket.ts';

/** Where gateways take WebSockets. */
const PATH = '/v1/connect';

/**
 * Gateways by WebSocket, and calls by HTTP (the Connect protocol) at the same address. `https://` is the same as `wss://` here, and `http://` as `ws://`.
 * @param network how connections are made here
 */
export function webSocketTransport(network: Network): Transport {
  const calls = new ConnectCalls(network.fetch);
  return {
    open: (endpoint, handlers) => new WebSocketLink(network, `${baseUrl('ws', endpoint)}${PATH}`, handlers),
    getRoom: (endpoint, request, options) => calls.getRoom(baseUrl('http', endpoint), request, options),
    pull: (endpoint, request, options) => calls.pull(baseUrl('http', endpoint), request, options),
    close: () => calls.close(),
  };
}

/** @throws LiveError INVALID_ARGUMENT for one that does not say whether it wants TLS */
function baseUrl(protocol: 'ws' | 'http', endpoint: string): string {
  const parsed = parseEndpoint(endpoint);
  if (parsed === undefined || parsed.security === 'unsaid')
    throw new LiveError(status.INVALID_ARGUMENT, `${endpoint} is no wss://host[:port] or ws://host[:port]`);
  return `${protocol}${parsed.security === 'tls' ? 's' : ''}://${parsed.address}`;
}
