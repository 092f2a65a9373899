import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { ROWS } from '../../scripts/dashboard-panels.ts';
import { DASHBOARD_FILE, grafanaDashboard } from '../../scripts/grafana-dashboard.ts';
import type { Alert } from '../../scripts/metrics-doc.ts';
import { METRICS_DOC_FILE, metricsDoc, readAlerts } from '../../scripts/metrics-doc.ts';
import { METRICS } from '../../server/observability/metrics.ts';

const inRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The gateway's own metrics that an expression asks for, by the names that they are declared by. */
function metricsIn(expr: string): string[] {
  return (expr.match(/live_gateway_\w+/g) ?? []).map((name) => name.replace(/_(?:bucket|sum|count)$/, ''));
}

const DECLARED = new Set(METRICS.map(({ name }) => name));

describe('docs/metrics.md', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(METRICS_DOC_FILE, 'utf8'), await metricsDoc());
  });
});

describe('the dashboard', () => {
  it('is what `npm run docs` writes', async () => {
    assert.equal(await readFile(DASHBOARD_FILE, 'utf8'), await grafanaDashboard());
  });

  it('shows every metric, and none that is not there', () => {
    const exprs = ROWS.flatMap(({ panels }) =>
      panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)),
    );
    const shown = new Set(exprs.flatMap(metricsIn));
    assert.deepEqual([...shown].sort(), [...DECLARED].sort());
  });
});

describe('the alerts', () => {
  let alerts: readonly Alert[];

  before(async () => {
    alerts = await readAlerts();
  });

  it('ask for metrics that are there', () => {
    for (const { alert, expr } of alerts)
      for (const name of metricsIn(expr)) assert.ok(DECLARED.has(name), `${alert}: ${name}`);
  });

  it('say what happens, how bad it is, and where to read on', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels.severity, /^(?:critical|warning)$/, alert);
      assert.ok(annotations.summary !== '' && annotations.description !== '', alert);
      const chapter = alert.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
      assert.equal(annotations.runbook_url, `docs/operations.md#${chapter}`);
    }
  });

  it('are each tested for what they are for, and for what they are not for', async () => {
    const text = await readFile(inRepository('deploy/prometheus/live-gateway.test.yaml'), 'utf8');
    const { tests } = load(text) as {
      tests: { promql_expr_test: { expr: string; exp_samples: unknown[] }[] }[];
    };
    for (const { alert } of alerts) {
      const expected = tests
        .flatMap(({ promql_expr_test: [proof] }) => proof ?? [])
        .filter(({ expr }) => expr.includes(`alertname="${alert}"`))
        .map(({ exp_samples: samples }) => samples.length > 0);
      assert.deepEqual([...new Set(expected)].sort(), [false, true], alert);
    }
  });
});
