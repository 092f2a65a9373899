import { parseEndpoint } from '../../client/core/endpoint.ts';
import { UsageError } from '../../common/errors.ts';
import type { RunTransport } from '../record/recording.ts';

/** How clients can reach gateways, by the name that a user gives it; and what people read. */
export const transports = { grpc: 'gRPC', websocket: 'WebSocket' } as const satisfies Record<
  RunTransport,
  string
>;

export const transportNames = Object.keys(transports) as RunTransport[];

/** A gateway at `host:port` as a client takes it that reaches it by `transport`. */
export function endpointAt(address: string, transport: RunTransport): string {
  return transport === 'websocket' ? `ws://${address}` : address;
}

/**
 * The transport that somebody else's gateways are reached by, as the schemes of their endpoints say.
 * @param asked what the user says himself
 * @throws UsageError if they say nothing in common, or something else than the user
 */
export function transportOf(endpoints: readonly string[], asked: RunTransport | undefined): RunTransport {
  const parsed = endpoints.map(parseEndpoint);
  const secured = endpoints.find((_, index) => parsed[index]?.security === 'tls');
  if (secured !== undefined)
    throw new UsageError(`${secured} is reached by TLS, which the fault proxies between do not speak`);
  const said = new Set(parsed.map((endpoint) => (endpoint?.webSocket ? 'websocket' : 'grpc')));
  const [transport = 'grpc', other] = said;
  if (other !== undefined)
    throw new UsageError(
      '--server has addresses with ws:// and without: all viewers of a run have one transport',
    );
  if (asked === undefined || asked === transport) return transport;
  const remedy = asked === 'websocket' ? 'write ws:// before the address of its --http' : 'leave ws:// out';
  throw new UsageError(`--transport ${asked} contradicts --server ${endpoints.join(',')}: ${remedy}`);
}
