import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { StackingConfigBuilder, StackingMode } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { format, resolveConfig } from 'prettier';
import type { PanelPlan } from './dashboard-panels.ts';
import { ROWS } from './dashboard-panels.ts';

/** Where the dashboard is kept, for Grafana to import. */
export const DASHBOARD_FILE = fileURLToPath(new URL('../deploy/grafana/live-gateway.json', import.meta.url));

/** Of the 24 columns that Grafana has, and its own unit of height. */
const SIZE = { panel: { width: 8, height: 8 }, stat: { width: 4, height: 4 } };

/** Whoever imports it says which Prometheus it is. */
const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };

function panel({ title, text, unit, kind, queries }: PanelPlan) {
  const builder = kind === 'stat' ? new StatBuilder() : new TimeseriesBuilder();
  const { width, height } = kind === 'stat' ? SIZE.stat : SIZE.panel;
  builder.title(title).description(text).unit(unit).datasource(PROMETHEUS).span(width).height(height);
  if (builder instanceof TimeseriesBuilder) {
    builder.min(0).fillOpacity(kind === 'stacked' ? 20 : 0);
    if (kind === 'stacked') builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  }
  queries.forEach(({ expr, legend }, index) =>
    builder.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode(65 + index))
        .datasource(PROMETHEUS)
        .expr(expr)
        .legendFormat(legend),
    ),
  );
  return builder;
}

/** The dashboard, as JSON. */
export async function grafanaDashboard(): Promise<string> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- every Grafana imports it; what replaces it is for the newest only
  const dashboard = new DashboardBuilder('Live gateway')
    .uid('live-gateway')
    .description(
      'Written by `npm run docs` from scripts/dashboard-panels.ts; docs/metrics.md says what is measured.',
    )
    .tags(['live-gateway'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('instance')
        .label('Gateway')
        .datasource(PROMETHEUS)
        .query('label_values(live_gateway_build_info{job="live-gateway"}, instance)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.*'),
    );
  for (const { title, panels } of ROWS) {
    dashboard.withRow(new RowBuilder(title));
    for (const plan of panels) dashboard.withPanel(panel(plan));
  }
  const style = await resolveConfig(DASHBOARD_FILE);
  return format(JSON.stringify(dashboard.build()), { ...style, parser: 'json' });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(DASHBOARD_FILE, await grafanaDashboard());
