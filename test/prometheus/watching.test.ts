import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROWS } from '../../scripts/dashboard-panels.ts';
import { readAlerts } from '../../scripts/metrics-doc.ts';
import { Authority } from '../helpers/certificates.ts';
import { passed } from '../helpers/chaos-report.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { jwkOf, newSigner } from '../helpers/tokens.ts';
import { Prometheus, promtool, wherePrometheusIs } from './prometheus.ts';

const METRICS = ['--metrics', '127.0.0.1:0'];

/** What a panel asks, of all gateways and as soon as there are a few samples. */
const asked = (expr: string): string =>
  expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m');

const metricsOf = ({ log }: ServerProcess): string =>
  String(log.find(({ msg }) => msg === 'ready')?.['metrics']);

wherePrometheusIs('with Prometheus', () => {
  let directory: TempDir;
  let nats: TestNats;

  before(async () => {
    directory = await tempDir();
    nats = await startNats();
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  it('promtool takes the rules and what configures Prometheus, and each alert does what its tests say', async () => {
    await promtool(['check', 'config', 'prometheus.yaml']);
    await promtool(['check', 'rules', 'live-gateway.rules.yaml']);
    await promtool(['test', 'rules', 'live-gateway.test.yaml']);
  });

  it('every panel shows something of gateways under chaos, and every alert is evaluated', async () => {
    await using issuer = await keySet();
    const authority = await Authority.create(directory.path);
    const { certFile, keyFile } = await authority.issue();
    await using open = await ServerProcess.start(nats.url, ...METRICS, '--workers', '2');
    await using secured = await ServerProcess.start(
      nats.url,
      ...[...METRICS, '--tls-cert', certFile, '--tls-key', keyFile, '--jwks-url', issuer.url],
    );
    const cli = (...args: string[]) => new RunningCli(args, directory.path);
    const at = ['--server', await open.address()];
    await using prometheus = await Prometheus.start(directory.path, [open, secured].map(metricsOf));

    const page = await (await fetch(`http://${metricsOf(open)}/metrics`)).text();
    assert.equal(await promtool(['check', 'metrics'], page), '', 'promtool finds nothing to improve');

    await until('both are scraped', async () => (await prometheus.query('up == 1')).length === 2);
    // What chaos may not bring about: a refusal, and a room that is read from the stream.
    assert.notEqual(await cli('send', 'no room', 'gift', '1', ...at).exit(), 0);
    assert.equal(await cli('send', 'read', 'gift', '1', ...at).exit(), 0);
    assert.equal(await cli('pull', 'read', '--after', '0', ...at).exit(), 0);
    const recorded = ['--db', join(directory.path, 'chaos.db'), '--json'];
    await passed(cli('chaos', ...at, ...recorded, '--viewers', '8', '--duration', '6s', '--seed', '7'));

    const panels = ROWS.flatMap(({ panels: those }) => those);
    for (const { title, queries } of panels) {
      for (const { expr } of queries) {
        await until(`panel ${title} shows ${expr}`, async () => {
          const values = await prometheus.query(asked(expr));
          return values.some(({ value: [, number] }) => number !== 'NaN');
        });
      }
    }
    const alerts = await readAlerts();
    await until('all alerts have been evaluated', async () =>
      (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
    );
    const rules = await prometheus.rules();
    assert.deepEqual(
      rules.map(({ name, health, lastError = '' }) => `${name} ${health} ${lastError}`).sort(),
      alerts.map(({ alert }) => `${alert} ok `).sort(),
    );

    await nats.stop();
    const noticed = ['LiveGatewayNoneReady', 'LiveGatewayNotReady', 'LiveGatewayNatsUnreachable'];
    await until('they notice that NATS is gone', async () => {
      const states = await prometheus.rules();
      return noticed.every((alert) =>
        states.some(({ name, state }) => name === alert && state !== 'inactive'),
      );
    });
  });
});

/** An issuer of tokens, and its keys. */
async function keySet(): Promise<AsyncDisposable & { readonly url: string }> {
  const keys = JSON.stringify({ keys: [jwkOf(newSigner('ES256'))] });
  const server = createServer((_, response) => response.end(keys)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
