import { collectDefaultMetrics, Registry } from 'prom-client';
import { DELIVERY_METRICS } from './delivery-metrics.ts';
import { GATEWAY_METRICS } from './gateway-metrics.ts';
import type { MetricDeclaration } from './metric.ts';
import { register } from './metric.ts';
import type { GatewayStats } from './stats.ts';
import { VIEWER_METRICS } from './viewer-metrics.ts';

/** All metrics of a gateway's own, in the order of the documentation. */
export const METRICS: readonly MetricDeclaration[] = [
  ...GATEWAY_METRICS,
  ...VIEWER_METRICS,
  ...DELIVERY_METRICS,
];

/** What is served: a registry, or what adds up those of many processes. */
export type MetricsSource = Pick<Registry, 'contentType' | 'metrics'>;

/** Of Node's metrics: gauges that are called as only counters may be; the numbers are in others, by their kind. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** A gateway's metrics. The stats are read when somebody asks, once for all metrics. */
export function gatewayMetrics(takeStats: () => GatewayStats): Registry {
  const stats = onceATurn(takeStats);
  const registry = new Registry();
  for (const metric of METRICS) register(registry, metric, stats);
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return registry;
}

/** The same answer for all who ask in one turn of the event loop: the registry asks for each metric by itself. */
function onceATurn<T extends object>(take: () => T): () => T {
  let taken: T | undefined;
  return () => {
    if (taken === undefined) {
      taken = take();
      setImmediate(() => (taken = undefined));
    }
    return taken;
  };
}

/** The same as text, of a registry that is made when first asked: Node's own metrics cost something from then on. */
export function metricsOnDemand(takeStats: () => GatewayStats): MetricsSource {
  let registry: Registry | undefined;
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    metrics: () => (registry ??= gatewayMetrics(takeStats)).metrics(),
  };
}
