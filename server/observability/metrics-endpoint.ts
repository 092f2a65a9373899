import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from '../../common/units.ts';
import { formatAddress } from '../../common/units.ts';
import type { Watched } from './probes.ts';
import { answerAlive, answerMetrics, answerReady, isRead, PROBES } from './probes.ts';

/** A running metrics endpoint. */
export interface MetricsEndpoint {
  /** `host:port` that `/metrics` is served on. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz` to those who watch over the gateway.
 * @throws when the address cannot be listened on
 */
export async function serveMetrics({ host, port }: Address, watched: Watched): Promise<MetricsEndpoint> {
  const server = createServer((request, response) => answer(request, response, watched));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress({ host: bound.address, port: bound.port }),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, { metrics, notReady }: Watched): void {
  if (!isRead(request)) {
    response.writeHead(405, { allow: 'GET, HEAD' }).end('only to be read: GET or HEAD\n');
    return;
  }
  const [path] = (request.url ?? '').split('?', 1);
  switch (path) {
    case PROBES.metrics:
      return void answerMetrics(response, metrics);
    case PROBES.alive:
      return answerAlive(response);
    case PROBES.ready:
      return answerReady(response, notReady(), true);
    default:
      response.writeHead(404).end('metrics are served on /metrics, and /healthz and /readyz for probes\n');
  }
}
