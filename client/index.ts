export * from './core/index.ts';
export { CoreClient } from './core/client.ts';
export { Places } from './core/places.ts';
export type { LiveClientOptions } from './live-client.ts';
export { LiveClient } from './live-client.ts';
export type { SecurityOptions, TlsOptions } from './transports/grpc/dialling.ts';
export type { GrpcTransportOptions, KeepaliveOptions } from './transports/grpc/transport.ts';
export { grpcTransport } from './transports/grpc/transport.ts';
export type * as wire from '../protos/wire.ts';
