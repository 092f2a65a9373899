import { inflateRawSync } from 'node:zlib';
import type { SecurityOptions } from '../grpc/dialling.ts';
import { parseEndpoint } from '../../core/endpoint.ts';
import type { Transport } from '../../core/transport.ts';
import { webSocketTransport } from '../websocket/transport.ts';
import type { KeepaliveOptions } from '../keepalive.ts';
import { defaultKeepalive } from '../keepalive.ts';
import { fetchWith } from './request.ts';
import { NodeSocket } from './socket.ts';

/** How WebSockets are made in Node. */
export interface NodeWebSocketOptions extends Pick<SecurityOptions, 'tls'> {
  readonly keepalive?: KeepaliveOptions;
}

/** WebSockets in Node, secured as `tls` says where endpoints are written with `wss://`. */
export function nodeWebSocketTransport({
  tls = false,
  keepalive = defaultKeepalive,
}: NodeWebSocketOptions = {}): Transport {
  const { serverName, ...files } = typeof tls === 'boolean' ? {} : tls;
  const options = {
    ...files,
    ...(serverName !== undefined && { servername: serverName }),
    minVersion: 'TLSv1.2',
  } as const;
  return webSocketTransport({
    connect: (url, protocol, handlers) =>
      new NodeSocket(url, protocol, { tls: options, keepalive }, handlers),
    fetch: fetchWith(options),
    inflate: (bytes, limit) => inflateRawSync(bytes, { maxOutputLength: limit }),
  });
}

/** Each endpoint by the transport that its scheme asks for: WebSocket for `ws://` and `wss://`, gRPC for all others. */
export function byScheme(grpc: Transport, webSocket: Transport): Transport {
  const of = (endpoint: string): Transport => (parseEndpoint(endpoint)?.webSocket ? webSocket : grpc);
  return {
    open: (endpoint, handlers) => of(endpoint).open(endpoint, handlers),
    getRoom: (endpoint, request, options) => of(endpoint).getRoom(endpoint, request, options),
    pull: (endpoint, request, options) => of(endpoint).pull(endpoint, request, options),
    close: () => {
      grpc.close();
      webSocket.close();
    },
  };
}
