import type { ServerConfig } from '../../server/config/config.ts';
import type { Address } from '../../common/units.ts';
import { parseAddress } from '../../common/units.ts';

/** A way in which clients reach gateways: what is promised of a viewer's connection holds by each of them. */
export interface TestTransport {
  readonly name: string;
  /** What a gateway needs to be reached by it; the same on its command line. */
  readonly config: Partial<ServerConfig>;
  readonly flags: readonly string[];
  /** `host:port` where it is. */
  addressOf(gateway: { readonly address: string; readonly http: string | undefined }): string;
  /** That, or where a proxy before it is, as a client takes it. */
  endpointAt(address: string): string;
}

export const grpc: TestTransport = {
  name: 'gRPC',
  config: {},
  flags: [],
  addressOf: ({ address }) => address,
  endpointAt: (address) => address,
};

export const webSocket: TestTransport = {
  name: 'WebSocket',
  config: { http: { host: '127.0.0.1', port: 0 } },
  flags: ['--http', '127.0.0.1:0'],
  addressOf({ http }) {
    if (http === undefined) throw new Error('the gateway was started without --http');
    return http;
  },
  endpointAt: (address) => `ws://${address}`,
};

export const transports: readonly TestTransport[] = [grpc, webSocket];

/** Where a proxy leads that is put before `address`. */
export function targetAt(address: string): Address {
  const target = parseAddress(address);
  if (target === undefined) throw new Error(`${address} is no host:port`);
  return target;
}
