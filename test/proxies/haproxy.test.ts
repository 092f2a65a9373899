import { whereThereIs } from '../helpers/documented-proxy.ts';
import { itSurvivesGatewaysThatGo } from './gateways-that-go.ts';
import { itCutsIdleViewers, itCutsIdleWebViewers, itKeepsIdleViewers } from './idle-viewers.ts';
import { haproxy } from './kinds.ts';
import { itStoresOnce } from './publishing.ts';
import { itEndsTheStuckOneAlone, itOpensFurtherConnections, itPassesAddressesOn } from './shared-proxy.ts';

/** As docs/proxies.md says. */
const BY_PROXY_PROTOCOL = {
  'proto h2 check': 'proto h2 check send-proxy-v2 check-send-proxy',
  'track gateways/gw1': 'track gateways/gw1 send-proxy-v2',
  'track gateways/gw2': 'track gateways/gw2 send-proxy-v2',
  'http-request set-header X-Forwarded-For %[src]': 'http-request del-header X-Forwarded-For',
};

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
  itStoresOnce(haproxy, { 'retry-on conn-failure': 'retry-on conn-failure empty-response' });
  itOpensFurtherConnections(haproxy);
  itPassesAddressesOn(haproxy, 'X-Forwarded-For', {}, /^127\.0\.0\.1$/);
  itPassesAddressesOn(
    haproxy,
    'the PROXY protocol',
    BY_PROXY_PROTOCOL,
    /^127\.0\.0\.1:\d+$/,
    '--proxy-protocol',
  );
});
