import { whereThereIs } from '../helpers/documented-proxy.ts';
import { until } from '../helpers/poll.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { itSurvivesGatewaysThatGo } from './gateways-that-go.ts';
import { itCutsIdleViewers, itKeepsIdleViewers } from './idle-viewers.ts';
import { caddy } from './kinds.ts';
import { itStoresOnce } from './publishing.ts';
import { itEndsTheStuckOneAlone, itOpensFurtherConnections, itPassesAddressesOn } from './shared-proxy.ts';

whereThereIs(caddy)('behind Caddy', () => {
  itSurvivesGatewaysThatGo(caddy);
  itKeepsIdleViewers(caddy, []);
  for (const timeout of ['read_body_idle', 'read_body', 'write'])
    itCutsIdleViewers(caddy, `by ${timeout}: it never says anything, and its stream never ends`, {
      'read_body_idle 168h': `${timeout} 1s`,
    });
  itEndsTheStuckOneAlone(caddy);
  itStoresOnce(caddy, {
    'lb_try_interval 100ms': 'lb_try_interval 100ms\n\tlb_retry_match method POST\n\trequest_buffers 4MiB',
  });
  itOpensFurtherConnections(caddy);
  itPassesAddressesOn(caddy, 'X-Forwarded-For', {}, /^127\.0\.0\.1$/);

  it('that forgets at once what has failed, as it does unless told otherwise, viewers get none but the gateway that is gone', async () => {
    await using rig = await ProxyRig.start();
    const proxy = await rig.proxy(caddy, { 'fail_duration 1s': '' });
    await rig.gateways[0]![Symbol.asyncDispose]();
    const viewers = Array.from({ length: 2 }, () => rig.viewer(proxy));
    for (const { client } of viewers) client.join('tea');
    await until('one is refused', () => viewers.some((viewer) => viewer.times('backoff') > 1));
    await until('the other is served', () => viewers.some(({ live }) => live));
  });
});
