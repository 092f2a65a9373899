import { whereThereIs } from '../helpers/documented-proxy.ts';
import { until } from '../helpers/poll.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { itSurvivesGatewaysThatGo } from './gateways-that-go.ts';
import { itCutsIdleViewers, itCutsIdleWebViewers, itKeepsIdleViewers } from './idle-viewers.ts';
import { nginx } from './kinds.ts';
import { itStoresOnce } from './publishing.ts';
import { itEndsTheStuckOneAlone, itOpensFurtherConnections, itPassesAddressesOn } from './shared-proxy.ts';

whereThereIs(nginx)('behind nginx', () => {
  itSurvivesGatewaysThatGo(nginx);
  itKeepsIdleViewers(nginx, [
    ...[' send_timeout 60s', 'grpc_read_timeout 60s', 'grpc_send_timeout 60s'],
    ...['proxy_read_timeout 60s', 'proxy_send_timeout 60s'],
  ]);
  itCutsIdleViewers(
    nginx,
    'by grpc_read_timeout, without heartbeats',
    { 'grpc_read_timeout 60s': 'grpc_read_timeout 1s' },
    ...['--heartbeat', '1h'],
  );
  itCutsIdleWebViewers(nginx, 'by proxy_read_timeout', { 'proxy_read_timeout 60s': 'proxy_read_timeout 1s' });
  itEndsTheStuckOneAlone(nginx);
  itStoresOnce(nginx, {
    'proxy_http_version 1.1;': 'proxy_http_version 1.1; proxy_next_upstream error non_idempotent;',
  });
  itOpensFurtherConnections(nginx);
  itPassesAddressesOn(nginx, 'X-Forwarded-For', {}, /^127\.0\.0\.1$/);

  it('that counts failures, as it does unless told otherwise, viewers find no gateway after each has died once', async () => {
    await using rig = await ProxyRig.start();
    // Longer than the restart of a gateway takes on a busy machine.
    const proxy = await rig.proxy(nginx, { 'max_fails=0': 'fail_timeout=1h' });
    const viewers = Array.from({ length: 10 }, () => rig.viewer(proxy));
    for (const { client } of viewers) client.join('tea');
    for (const [index, gateway] of rig.gateways.entries()) {
      await until('all are live', () => viewers.every(({ live }) => live));
      await gateway[Symbol.asyncDispose]();
      await rig.startGateway(index);
    }
    await until('nginx has nobody left', () => proxy.log.includes('no live upstreams'));
  });
});
