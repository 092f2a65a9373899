/** Whether a gateway is reached by TLS, as far as its endpoint says. */
export type EndpointSecurity = 'tls' | 'plaintext' | 'unsaid';

/** An endpoint, taken apart. */
export interface Endpoint {
  /** host:port, an IPv6 host in brackets: as gateways name each other. */
  readonly address: string;
  readonly security: EndpointSecurity;
}

const DEFAULT_PORTS = { https: '443', http: '80' } as const;

/** What `https://host[:port]`, `http://host[:port]` or anything without a scheme stands for; undefined if it has a scheme and makes no sense. */
export function parseEndpoint(endpoint: string): Endpoint | undefined {
  if (!endpoint.includes('://')) return { address: endpoint, security: 'unsaid' };
  const [, scheme, host, port] =
    /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s:[\]/@?#]+)(?::(\d{1,5}))?\/?$/.exec(endpoint) ?? [];
  if (scheme === undefined || host === undefined || Number(port ?? 1) > 65_535) return undefined;
  const secure = scheme === 'https';
  return {
    address: `${host}:${port ?? DEFAULT_PORTS[secure ? 'https' : 'http']}`,
    security: secure ? 'tls' : 'plaintext',
  };
}
