import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Readiness } from '../../session/readiness.ts';

/** Whether the process serves at all. */
const PROCESS = '';
/** Whether viewers should be sent here. */
const SERVICE = 'live.v1.Live';

/**
 * Adds the gRPC health service (grpc.health.v1). The name of the service follows readiness; the empty name says that the process serves, for
 * liveness: a restart mends no NATS.
 */
export function addHealth(server: Server, readiness: Readiness): void {
  const health = new HealthImplementation({ [PROCESS]: 'SERVING', [SERVICE]: 'SERVING' });
  const update = (): void => {
    health.setStatus(PROCESS, readiness.leaving ? 'NOT_SERVING' : 'SERVING');
    health.setStatus(SERVICE, readiness.ready ? 'SERVING' : 'NOT_SERVING');
  };
  readiness.onChange(update);
  update();
  health.addToServer(server);
}
