import type { Clock } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import type { NameOf } from '../catalogue.ts';
import type { Consequences } from '../consequences.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { NatsLinks } from './nats-links.ts';
import type { NatsServers } from './nats-servers.ts';
import type { StreamAdmin } from './stream-admin.ts';

/** What backend faults can get hold of. */
export interface FaultTargets {
  readonly gateways: readonly GatewayProcess[];
  readonly nats: NatsServers;
  readonly links: NatsLinks;
  readonly stream: StreamAdmin;
  readonly consequences: Consequences;
}

/** A fault of gateways, NATS or the links between them. Resolves when it is over and what it hit works again. */
export type BackendFault = (targets: FaultTargets, span: FaultSpan) => Promise<void>;

/** Faults by name, as the catalogue has them. */
export type BackendFaults<Name extends NameOf<'backend' | 'cluster'>> = Readonly<Record<Name, BackendFault>>;

/** How long a fault lasts, and what the plan leaves open. */
export interface FaultSpan {
  /** Number of the fault: where there is a choice which one it hits, they take turns. */
  readonly turn: number;
  readonly random: Random;
  readonly clock: Clock;
  /** Aborts when the fault is to end. */
  readonly lifted: AbortSignal;
}
