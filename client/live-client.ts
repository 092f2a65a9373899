import { CoreClient } from './core/client.ts';
import type { ClientOptions } from './core/options.ts';
import type { Transport } from './core/transport.ts';
import type { GrpcTransportOptions } from './transports/grpc/transport.ts';
import { grpcTransport } from './transports/grpc/transport.ts';
import { byScheme, nodeWebSocketTransport } from './transports/node/transport.ts';

/** How a client is made. Durations are in milliseconds. */
export interface LiveClientOptions extends ClientOptions, GrpcTransportOptions {
  /** How gateways are reached, instead of by gRPC and WebSocket with `tls`, `keepalive` and `credentials` (gRPC only). */
  readonly transport?: Transport;
}

/** A {@link CoreClient} that reaches gateways by gRPC, or WebSocket where endpoints are written with `ws://` or `wss://`; unless it is given another transport. */
export class LiveClient extends CoreClient {
  /** @throws LiveError INVALID_ARGUMENT that names the option which makes no sense. */
  constructor(options: LiveClientOptions) {
    super({ ...options, transport: options.transport ?? transportOf(options) });
  }
}

const transportOf = (options: LiveClientOptions): Transport =>
  byScheme(grpcTransport(options), nodeWebSocketTransport(options));
