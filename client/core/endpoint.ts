/** Whether a gateway is reached by TLS, as far as its endpoint says. */
export type EndpointSecurity = 'tls' | 'plaintext' | 'unsaid';

/** An endpoint, taken apart. */
export interface Endpoint {
  /** host:port, an IPv6 host in brackets: as gateways name each other. */
  readonly address: string;
  readonly security: EndpointSecurity;
  /** Whether it is written with `ws://` or `wss://`. */
  readonly webSocket: boolean;
}

/**
 * What `https://host[:port]`, `http://host[:port]`, the same with `wss` and `ws`, or anything without a scheme stands for; undefined if it has a scheme and makes
 * no sense.
 */
export function parseEndpoint(endpoint: string): Endpoint | undefined {
  if (!endpoint.includes('://')) return { address: endpoint, security: 'unsaid', webSocket: false };
  const [, scheme, host, port] =
    /^(https?|wss?):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s:[\]/@?#]+)(?::(\d{1,5}))?\/?$/.exec(endpoint) ?? [];
  if (scheme === undefined || host === undefined || Number(port ?? 1) > 65_535) return undefined;
  const secure = scheme === 'https' || scheme === 'wss';
  return {
    address: `${host}:${port ?? (secure ? '443' : '80')}`,
    security: secure ? 'tls' : 'plaintext',
    webSocket: scheme.startsWith('ws'),
  };
}
