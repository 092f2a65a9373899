import type { Registry } from 'prom-client';
import type { ServerConfig } from '../config/config.ts';
import type { NatsAccess } from '../nats/access/access.ts';
import type { NotReady } from '../observability/probes.ts';
import type { Certificates } from '../tls/certificates.ts';

/** Where a worker serves, as all of them do. */
export interface ServedAddresses {
  /** gRPC, `host:port`. */
  readonly address: string;
  /** HTTP; undefined when it is not served. */
  readonly http: string | undefined;
}

/** The metrics of one process. */
export type MetricsReport = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What the primary tells a worker. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly config: ServerConfig;
      readonly nats: { readonly access: NatsAccess; readonly owned: boolean };
      /** The primary alone reads their files: a worker that replaces another gets what the others have, whatever the files hold by then. */
      readonly certificates: Certificates | undefined;
    }
  /** What may change while it serves is as this configuration says. */
  | { readonly kind: 'settings'; readonly config: ServerConfig }
  | { readonly kind: 'certificates'; readonly certificates: Certificates }
  /** It is to tell its own metrics. */
  | { readonly kind: 'report'; readonly question: number }
  /** The metrics of all workers, which it has asked for. */
  | { readonly kind: 'metrics'; readonly question: number; readonly text: string }
  | { readonly kind: 'drain'; readonly windowMs: number };

/** What a worker tells the primary; that it has drained, it tells by its end. */
export type FromWorker =
  /** It listens to what it is told: what comes earlier, Node throws away. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'ready'; readonly addresses: ServedAddresses }
  /** Why viewers should not be sent to it, whenever that changes. */
  | { readonly kind: 'readiness'; readonly notReady: NotReady }
  | { readonly kind: 'reported'; readonly question: number; readonly report: MetricsReport }
  /** Somebody asks it for the metrics of all workers. */
  | { readonly kind: 'metrics-wanted'; readonly question: number }
  /** It cannot start, and ends. */
  | { readonly kind: 'refused'; readonly message: string };
