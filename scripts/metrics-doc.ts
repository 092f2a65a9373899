import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { format, resolveConfig } from 'prettier';
import { METRICS } from '../server/observability/metrics.ts';

/** Where the reference of metrics is kept. */
export const METRICS_DOC_FILE = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));
/** When somebody is called. */
export const RULES_FILE = fileURLToPath(
  new URL('../deploy/prometheus/live-gateway.rules.yaml', import.meta.url),
);

/** An alert, as Prometheus reads it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
}

/** All alerts, in their order. */
export async function readAlerts(): Promise<readonly Alert[]> {
  const { groups } = load(await readFile(RULES_FILE, 'utf8')) as { groups: { rules: Alert[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The reference of all metrics, in Markdown, from the table that also serves them, and of the alerts. */
export async function metricsDoc(): Promise<string> {
  const metrics = METRICS.map(({ name, type, labels = [], help }) =>
    [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help].join(' | '),
  );
  const alerts = (await readAlerts()).map(({ alert, labels, for: pending = '', expr, annotations }) =>
    [
      `\`${alert}\``,
      labels.severity,
      `\`${expr.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')}\``,
      pending,
      annotations.description.replaceAll(/\{\{.*?\}\}B?/g, '…'),
    ].join(' | '),
  );
  const text = `# Metrics and alerts

Written by \`npm run docs\` from \`server/observability/*-metrics.ts\` and \`deploy/prometheus/live-gateway.rules.yaml\`.

\`live-server --metrics 127.0.0.1:9464\` serves them at \`/metrics\`, of all workers together, and for probes \`/healthz\` (the process lives: 200) and \`/readyz\`
(viewers should be sent here: 200, or 503 and why not; the same facts as the gRPC health of \`live.v1.Live\`). That address answers everybody, and is not to be public.

\`--http\`, which may be public, has the probes, too, without the reason: load balancers ask from wherever they are, and learn no more than by connecting. It has \`/metrics\`
only for the networks of \`--http-metrics\`, because metrics tell strangers how many viewers there are and what goes wrong. Who comes by a proxy counts as whom a proxy of
\`--trusted-proxies\` names; by any other proxy nobody gets them, also from this machine.

No metric has a label with rooms or users. Those that are counted add up over gateways (\`sum(rate(…))\`); what a worker counted that has ended goes on to count.

- [deploy/prometheus/prometheus.yaml](../deploy/prometheus/prometheus.yaml): how Prometheus is told of gateways. The job has to be called \`live-gateway\`.
- [deploy/prometheus/live-gateway.rules.yaml](../deploy/prometheus/live-gateway.rules.yaml): the alerts [below](#alerts), each tested by \`promtool\`.
- [deploy/grafana/live-gateway.json](../deploy/grafana/live-gateway.json): a dashboard to import into Grafana.

## Metrics

Name | Type | Labels | Meaning
--- | --- | --- | ---
${metrics.join('\n')}

Beside them there is what Node.js tells of its process: \`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`, \`process_open_fds\`, \`nodejs_heap_size_used_bytes\`, \`nodejs_gc_duration_seconds\` and so on.

Latency is measured where messages leave the gateway: on the way to the viewer there is no clock that both ends share.

## Alerts

\`critical\`: viewers miss something now; \`warning\`: somebody looks at it in the morning.

Alert | Severity | Condition | For | Meaning
--- | --- | --- | --- | ---
${alerts.join('\n')}
`;
  const style = await resolveConfig(METRICS_DOC_FILE);
  return await format(text, { ...style, parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(METRICS_DOC_FILE, await metricsDoc());
