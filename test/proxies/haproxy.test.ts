import { whereThereIs } from '../helpers/documented-proxy.ts';
import { itSurvivesGatewaysThatGo } from './gateways-that-go.ts';
import { itCutsIdleViewers, itCutsIdleWebViewers, itKeepsIdleViewers } from './idle-viewers.ts';
import { haproxy } from './kinds.ts';
import { itEndsTheStuckOneAlone, itOpensFurtherConnections, itPassesAddressesOn } from './shared-proxy.ts';

whereThereIs(haproxy)('behind HAProxy', () => {
  itSurvivesGatewaysThatGo(haproxy);
  itKeepsIdleViewers(haproxy, ['timeout client 60s', 'timeout server 60s', 'timeout tunnel 60s']);
  itCutsIdleViewers(
    haproxy,
    'by timeout server, without heartbeats',
    { 'timeout server 60s': 'timeout server 1s' },
    ...['--heartbeat', '1h'],
  );
  itCutsIdleWebViewers(haproxy, 'by timeout tunnel and timeout server', {
    'timeout tunnel 60s': 'timeout tunnel 1s',
    'timeout server 60s': 'timeout server 1s',
  });
  itEndsTheStuckOneAlone(haproxy);
  itOpensFurtherConnections(haproxy);
  itPassesAddressesOn(haproxy, 'X-Forwarded-For', {}, /^127\.0\.0\.1$/);
  itPassesAddressesOn(
    haproxy,
    'the PROXY protocol',
    {
      'proto h2 check': 'proto h2 check send-proxy-v2 check-send-proxy',
      'http-request set-header X-Forwarded-For %[src]': 'http-request del-header X-Forwarded-For',
    },
    /^127\.0\.0\.1:\d+$/,
    '--proxy-protocol',
  );
});
