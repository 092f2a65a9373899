import cluster from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Gateway } from '../gateway/gateway.ts';
import { startGateway } from '../gateway/gateway.ts';
import { exit } from '../process/exit-codes.ts';
import type { ProcessLogger } from '../observability/logging.ts';
import { createLogger } from '../observability/logging.ts';
import { gatewayMetrics } from '../observability/metrics.ts';
import { CurrentCertificates } from '../tls/certificates.ts';
import { foreignNats } from '../gateway/nats-servers.ts';
import type { FromWorker, ToWorker } from './messages.ts';

type Start = Extract<ToWorker, { kind: 'start' }>;

/** A worker that serves. */
interface Started {
  readonly gateway: Gateway;
  readonly logger: ProcessLogger;
}

/**
 * A gateway as the primary's worker: it does what it is told, and no signal reaches it past the primary. When the
 * primary is gone, node:cluster ends it.
 */
export function runWorker(): void {
  // It may have to answer a primary that has just died.
  cluster.worker?.on('error', () => undefined);
  let started: Promise<Started> | undefined;
  let certificates: CurrentCertificates | undefined;
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'start':
        certificates = message.certificates && new CurrentCertificates(message.certificates);
        started = start(message, certificates);
        return;
      case 'settings':
        void started?.then(({ gateway, logger }) => {
          logger.level = message.config.logLevel;
          gateway.reconfigure(message.config);
        });
        return;
      case 'certificates':
        certificates?.replace(message.certificates);
        return;
      case 'drain':
        void drain(started, message.windowMs);
    }
  });
  tell({ kind: 'listening' });
}

async function start(
  { config, nats }: Start,
  certificates: CurrentCertificates | undefined,
): Promise<Started> {
  const logger = createLogger(config.logLevel, undefined, { worker: cluster.worker?.id });
  try {
    const gateway = await startGateway(config, logger, {
      nats: foreignNats(nats.access, nats.owned),
      ...(certificates && { certificates }),
    });
    // Answers the primary when it adds up the metrics of all.
    AggregatorRegistry.setRegistries([gatewayMetrics(() => gateway.stats)]);
    new AggregatorRegistry();
    tell({ kind: 'ready', addresses: { address: gateway.address, http: gateway.http } });
    return { gateway, logger };
  } catch (error) {
    tell({ kind: 'refused', message: error instanceof Error ? error.message : String(error) });
    return exit('cannotStart');
  }
}

async function drain(started: Promise<Started> | undefined, windowMs: number): Promise<void> {
  await (await started)?.gateway.drain(windowMs);
  exit('ok');
}

function tell(message: FromWorker): void {
  // A primary that has just died takes nothing; its end is noticed.
  process.send?.(message, () => undefined);
}
