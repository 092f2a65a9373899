import type { Clock } from '../../common/clock.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { Logger } from '../observability/logging.ts';
import type { SampledLog } from '../observability/sampled-log.ts';
import type { Policies } from '../policy/policies.ts';
import type { Hub } from '../room/hub.ts';
import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { PublishService } from './publish-service.ts';
import type { Refusals } from './refusals.ts';
import type { Scheduler } from './scheduler.ts';
import type { SharedFrames } from './shared-frames.ts';
import type { StateFrames } from './state-frames.ts';
import type { Traces } from './traces.ts';
import type { Traffic } from './traffic.ts';
import type { UserRates } from './user-rates.ts';
import type { Welcomes } from './welcomes.ts';

/** Bounds of one session. */
export interface SessionLimits {
  readonly rooms: number;
  /** Publishes on one stream that may be waiting for their result. */
  readonly publishes: number;
  readonly heartbeatMs: number;
  /** A client that has not said Hello by then is sent away, in milliseconds. */
  readonly helloMs: number;
  /** For how long after its end a token counts, in milliseconds: the time in which the client may bring another. */
  readonly tokenGraceMs: number;
}

/** What all sessions share. */
export interface SessionDependencies {
  readonly hub: Hub;
  readonly scheduler: Scheduler;
  readonly publishing: PublishService;
  readonly authenticator: Authenticator;
  readonly rates: UserRates;
  readonly policies: Pick<Policies, 'of'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refusals: Refusals;
  /** Told who comes and goes: in a storm not of everybody. */
  readonly sampledLog: Pick<SampledLog, 'info'>;
  readonly limits: SessionLimits;
  readonly traffic: Traffic;
  readonly frames: SharedFrames;
  readonly welcomes: Welcomes;
  readonly stateFrames: StateFrames;
  /** Undefined: nothing is traced. */
  readonly traces?: Traces | undefined;
  /** Identity of the stream, as in cursors. */
  epoch(): string;
  /** What is wrong with NATS now. The same array as long as nothing changes. */
  readonly upstreamCauses: () => UpstreamCauses;
}

/** How a client is sent away. */
export interface GoAway {
  /** When it is to connect again, in milliseconds. */
  readonly afterMs: number;
  readonly reason: KnownReason;
  /** `host:port` where it does best to connect; undefined: elsewhere. */
  readonly endpoint: string | undefined;
}
