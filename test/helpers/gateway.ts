import { LiveClient } from '../../client/index.ts';
import type { LiveClientOptions } from '../../client/index.ts';
import type { Gateway, GatewayDependencies } from '../../server/gateway/gateway.ts';
import { startGateway } from '../../server/gateway/gateway.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { createLogger } from '../../server/observability/logging.ts';

/** A gateway in this process; its log is silent unless LIVE_TEST_LOG names a level. */
export interface TestGateway extends Gateway, AsyncDisposable {
  /** A client of this gateway that is closed with it. */
  client(options?: Partial<LiveClientOptions>): LiveClient;
}

/** Starts a gateway on a free port in front of a NATS server, with short times so that tests are quick. */
export async function startTestGateway(
  natsUrl: string,
  overrides: Partial<ServerConfig> = {},
  dependencies: GatewayDependencies = {},
): Promise<TestGateway> {
  const config = defaultConfig({
    listen: { host: '127.0.0.1', port: 0 },
    nats: [natsUrl],
    heartbeatMs: 500,
    ...overrides,
  });
  const level = (process.env['LIVE_TEST_LOG'] ?? 'silent') as ServerConfig['logLevel'];
  const gateway = await startGateway(config, createLogger(level), dependencies);
  const clients: LiveClient[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    await gateway.close();
  };
  return {
    address: gateway.address,
    http: gateway.http,
    metrics: gateway.metrics,
    nats: gateway.nats,
    tls: gateway.tls,
    reload: () => gateway.reload(),
    get stats() {
      return gateway.stats;
    },
    failed: gateway.failed,
    drain: (windowMs) => gateway.drain(windowMs),
    close,
    [Symbol.asyncDispose]: close,
    client(options = {}) {
      const client = new LiveClient({ endpoints: [gateway.address], ...options });
      clients.push(client);
      return client;
    },
  };
}
