import { whereThereIs } from '../helpers/documented-proxy.ts';
import { itSurvivesGatewaysThatGo } from './gateways-that-go.ts';
import { haproxy } from './kinds.ts';

whereThereIs(haproxy)('behind HAProxy', () => {
  itSurvivesGatewaysThatGo(haproxy);
});
