import { LiveClient } from '../../client/index.ts';
import type { LiveClientOptions } from '../../client/index.ts';
import type { Gateway, GatewayDependencies } from '../../server/gateway/gateway.ts';
import { startGateway } from '../../server/gateway/gateway.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { Address } from '../../common/units.ts';
import type { TestTransport } from './transports.ts';
import { grpc, targetAt } from './transports.ts';

/** A gateway in this process; its log is silent unless LIVE_TEST_LOG names a level. */
export interface TestGateway extends Gateway, AsyncDisposable {
  /** Where clients reach it by the transport that it was started for, for a proxy in between. */
  readonly target: Address;
  /** That as a client takes it. */
  readonly endpoint: string;
  /** A client of this gateway that is closed with it. */
  client(options?: Partial<LiveClientOptions>): LiveClient;
}

/** Starts a gateway on a free port in front of a NATS server, with short times so that tests are quick; its clients reach it by `transport`. */
export async function startTestGateway(
  natsUrl: string,
  overrides: Partial<ServerConfig> = {},
  dependencies: GatewayDependencies = {},
  transport: TestTransport = grpc,
): Promise<TestGateway> {
  const config = defaultConfig({
    listen: { host: '127.0.0.1', port: 0 },
    nats: [natsUrl],
    heartbeatMs: 500,
    ...transport.config,
    ...overrides,
  });
  const level = (process.env['LIVE_TEST_LOG'] ?? 'silent') as ServerConfig['logLevel'];
  const gateway = await startGateway(config, createLogger(level), dependencies);
  const clients: LiveClient[] = [];
  const address = transport.addressOf(gateway);
  const endpoint = transport.endpointAt(address);
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    await gateway.close();
  };
  return {
    address: gateway.address,
    target: targetAt(address),
    endpoint,
    http: gateway.http,
    metrics: gateway.metrics,
    nats: gateway.nats,
    tls: gateway.tls,
    readiness: gateway.readiness,
    reload: () => gateway.reload(),
    reconfigure: (changed) => gateway.reconfigure(changed),
    get stats() {
      return gateway.stats;
    },
    failed: gateway.failed,
    drain: (windowMs) => gateway.drain(windowMs),
    close,
    [Symbol.asyncDispose]: close,
    client(options = {}) {
      const client = new LiveClient({ endpoints: [endpoint], ...options });
      clients.push(client);
      return client;
    },
  };
}
