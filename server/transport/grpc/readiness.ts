import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { UpstreamCauses } from '../../upstream/upstream-cause.ts';

/** Whether the process serves at all. */
const PROCESS = '';
/** Whether viewers should be sent here. */
const SERVICE = 'live.v1.Live';

/** Says what is wrong with NATS, and when that changes. */
export interface UpstreamStatus {
  readonly causes: UpstreamCauses;
  onChange(listener: (causes: UpstreamCauses) => void): () => void;
}

/**
 * The gRPC health service (grpc.health.v1). The name of the service follows NATS, for readiness: viewers should rather go to a
 * gateway that can prove what it says. The empty name says that the process serves, for liveness: a restart mends no NATS.
 */
export class Readiness {
  readonly #health = new HealthImplementation({ [PROCESS]: 'SERVING', [SERVICE]: 'SERVING' });
  readonly #upstream: UpstreamStatus;
  #leaving = false;

  constructor(upstream: UpstreamStatus) {
    this.#upstream = upstream;
    upstream.onChange(() => this.#update());
    this.#update();
  }

  addToServer(server: Server): void {
    this.#health.addToServer(server);
  }

  /** The gateway is going away: nobody is to be sent here any more. */
  leave(): void {
    this.#leaving = true;
    this.#update();
  }

  #update(): void {
    const ready = !this.#leaving && this.#upstream.causes.length === 0;
    this.#health.setStatus(PROCESS, this.#leaving ? 'NOT_SERVING' : 'SERVING');
    this.#health.setStatus(SERVICE, ready ? 'SERVING' : 'NOT_SERVING');
  }
}
