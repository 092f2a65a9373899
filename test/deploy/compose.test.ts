import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../server/config/config.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import { Composed } from '../helpers/composed.ts';
import { tool, whereThereAre } from '../helpers/deploy-tools.ts';
import { until } from '../helpers/poll.ts';
import { programArguments } from '../helpers/program.ts';
import { SECRET, token } from '../helpers/tokens.ts';

const AUDIENCE = fileURLToPath(new URL('container/audience.mjs', import.meta.url));
const SERVERS = ['nats-1', 'nats-2', 'nats-3'];
const GATEWAYS = ['gateway-1', 'gateway-2'];
const VARIABLES = {
  GATEWAY_PASSWORD: 'secret-of-gateway',
  PRODUCER_PASSWORD: 'secret-of-producer',
  OPERATOR_PASSWORD: 'secret-of-operator',
  SYSTEM_PASSWORD: 'secret-of-system',
  GRAFANA_PASSWORD: 'secret-of-grafana',
  JWT_SECRET: SECRET,
};
const ENDPOINTS = ['gw1.internal:50051', 'gw2.internal:50051', 'https://haproxy:443'];
const CONFIGURATION = '/usr/local/etc/haproxy/haproxy.cfg';

whereThereAre(
  'compose-spec',
  'ip',
  'haproxy',
)('deploy/compose.yaml, without containers', () => {
  it('is one that the Compose Specification allows, with settings that live-server takes', async () => {
    await using composed = await Composed.create(VARIABLES);
    for (const name of GATEWAYS)
      assert.equal(parseConfig([], composed.services[name]!.environment!).kind, 'serve');
    for (const { image } of Object.values(composed.services)) assert.match(image, /:v?\d+\.\d+/);
  });

  it('is three NATS servers, two gateways and HAProxy that viewers get everything by, also when a server is lost', async () => {
    await using composed = await Composed.create(VARIABLES);
    const succeeds = (what: string, code: string): Promise<true> =>
      until(what, async () => {
        await composed.run([process.execPath, '--input-type=module', '-e', code]);
        return true as const;
      });
    const nats = await findNatsServer();
    for (const name of SERVERS) await composed.start(name, [nats, ...composed.services[name]!.command!]);
    await succeeds(
      'the NATS servers are healthy',
      "(await fetch('http://nats-1:8222/healthz')).ok || process.exit(1)",
    );
    const gateway = [process.execPath, ...programArguments('server')];
    const [first] = await Promise.all(GATEWAYS.map((name) => composed.start(name, gateway)));
    for (const name of GATEWAYS)
      await until(`${name} is ready: ${composed.said(name)}`, () =>
        composed.said(name).includes('"msg":"ready"'),
      );
    await composed.start('haproxy', [tool('haproxy'), '-db', '-f', CONFIGURATION]);
    await succeeds(
      'HAProxy listens',
      "(await import('node:net')).connect(443, 'haproxy', () => process.exit())",
    );

    const hear = (text: string): Promise<void> =>
      composed.run([process.execPath, AUDIENCE, text, ...ENDPOINTS], {
        TOKEN: token({ sub: 'ann', roles: ['publisher'] }),
      });
    await hear('all are there');
    await composed.kill('nats-1');
    await hear('one NATS server is gone');
    first!.kill('SIGTERM');
    const [code] = (await once(first!, 'exit')) as [number];
    assert.equal(code, 0, composed.said('gateway-1'));
  });
});
