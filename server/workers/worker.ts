import cluster from 'node:cluster';
import { Registry } from 'prom-client';
import type { Gateway } from '../gateway/gateway.ts';
import { startGateway } from '../gateway/gateway.ts';
import { exit } from '../process/exit-codes.ts';
import type { ProcessLogger } from '../observability/logging.ts';
import { createLogger } from '../observability/logging.ts';
import type { MetricsSource } from '../observability/metrics.ts';
import { gatewayMetrics } from '../observability/metrics.ts';
import { CurrentCertificates } from '../tls/certificates.ts';
import { foreignNats } from '../gateway/nats-servers.ts';
import type { FromWorker, ToWorker } from './messages.ts';

type Start = Extract<ToWorker, { kind: 'start' }>;

/** A worker that serves. */
interface Serving {
  readonly gateway: Gateway;
  readonly registry: Registry;
  readonly logger: ProcessLogger;
}

/**
 * A gateway as the primary's worker: it does what it is told, and no signal reaches it past the primary. When the
 * primary is gone, node:cluster ends it.
 */
export function runWorker(): void {
  // It may have to answer a primary that has just died.
  cluster.worker?.on('error', () => undefined);
  const metrics = new MetricsOfAll();
  let serving: Promise<Serving> | undefined;
  let certificates: CurrentCertificates | undefined;
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'start':
        certificates = message.certificates && new CurrentCertificates(message.certificates);
        serving = start(message, certificates, metrics);
        return;
      case 'settings':
        void serving?.then(({ gateway, logger }) => {
          logger.level = message.config.logLevel;
          gateway.reconfigure(message.config);
        });
        return;
      case 'certificates':
        certificates?.replace(message.certificates);
        return;
      case 'report':
        return void report(serving, message.question);
      case 'metrics':
        return metrics.received(message.question, message.text);
      case 'drain':
        void drain(serving, message.windowMs);
    }
  });
  tell({ kind: 'listening' });
}

/** Asks the primary, who alone can add them up. */
class MetricsOfAll implements MetricsSource {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #waiting = new Map<number, (text: string) => void>();
  #questions = 0;

  metrics(): Promise<string> {
    const question = this.#questions++;
    tell({ kind: 'metrics-wanted', question });
    return new Promise((resolve) => this.#waiting.set(question, resolve));
  }

  received(question: number, text: string): void {
    this.#waiting.get(question)?.(text);
    this.#waiting.delete(question);
  }
}

async function start(
  { config, nats }: Start,
  certificates: CurrentCertificates | undefined,
  metrics: MetricsSource,
): Promise<Serving> {
  const logger = createLogger(config.logLevel, undefined, { worker: cluster.worker?.id });
  try {
    const gateway = await startGateway(config, logger, {
      nats: foreignNats(nats.access, nats.owned),
      metrics,
      ...(certificates && { certificates }),
    });
    const { address, http, readiness } = gateway;
    const tellReadiness = (): void => tell({ kind: 'readiness', notReady: readiness.reasons });
    readiness.onChange(tellReadiness);
    tellReadiness();
    tell({ kind: 'ready', addresses: { address, http } });
    return { gateway, registry: gatewayMetrics(() => gateway.stats), logger };
  } catch (error) {
    tell({ kind: 'refused', message: error instanceof Error ? error.message : String(error) });
    return exit('cannotStart');
  }
}

async function report(serving: Promise<Serving> | undefined, question: number): Promise<void> {
  const registry = (await serving)?.registry;
  tell({ kind: 'reported', question, report: (await registry?.getMetricsAsJSON()) ?? [] });
}

async function drain(serving: Promise<Serving> | undefined, windowMs: number): Promise<void> {
  await (await serving)?.gateway.drain(windowMs);
  exit('ok');
}

function tell(message: FromWorker): void {
  // A primary that has just died takes nothing; its end is noticed.
  process.send?.(message, () => undefined);
}
