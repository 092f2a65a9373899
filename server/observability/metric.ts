import type { Metric, Registry } from 'prom-client';
import type { HistogramView } from '../../common/histogram.ts';
import type { GatewayStats } from './stats.ts';

type Labels = Readonly<Record<string, string>>;

/** A value of a metric; without labels where it has only one. */
export type Sample = { readonly labels?: Labels; readonly value: number };

/** What was observed, of a histogram. */
export type Observed = { readonly labels?: Labels; readonly observed: HistogramView };

interface Declared {
  readonly name: string;
  /** What it counts, and what to do when it rises. */
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A metric: how it is called, and what it is in the gateway's stats. */
export type MetricDeclaration =
  | (Declared & {
      readonly type: 'gauge' | 'counter';
      /** What those of many workers come to; absent: their sum. */
      readonly together?: 'max' | 'min' | 'first';
      readonly samples: (stats: GatewayStats) => readonly Sample[];
    })
  | (Declared & {
      readonly type: 'histogram';
      readonly samples: (stats: GatewayStats) => readonly Observed[];
    });

/** One sample, or none where there is no value. */
export function single(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ value }];
}

/** A sample for each key, which is its label. */
export function each(label: string, counts: ReadonlyMap<string, number>): readonly Sample[] {
  return [...counts].map(([key, value]) => ({ labels: { [label]: key }, value }));
}

/** Adds a metric to a registry, which reads the stats whenever it is asked. */
export function register(registry: Registry, metric: MetricDeclaration, stats: () => GatewayStats): void {
  const { name, help, type } = metric;
  const aggregator = metric.type === 'histogram' ? 'sum' : (metric.together ?? 'sum');
  const values = (): readonly unknown[] =>
    metric.type === 'histogram'
      ? metric.samples(stats()).flatMap((observed) => bucketsOf(name, observed))
      : metric.samples(stats()).map(({ labels = {}, value }) => ({ labels, value }));
  const get = () => Promise.resolve({ name, help, type, aggregator, values: values() });
  // prom-client asks nothing else of what it did not make itself; its own kinds keep values, which we would have to reset and set.
  registry.registerMetric({ name, help, type, aggregator, get } as unknown as Metric);
}

/** As prom-client writes histograms: each bucket with all below it. */
function bucketsOf(name: string, { labels = {}, observed }: Observed): readonly unknown[] {
  let count = 0;
  const buckets = observed.counts.map((times, index) => {
    count += times;
    const le = observed.bounds[index] ?? '+Inf';
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: observed.sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
