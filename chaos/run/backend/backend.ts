import type { Clock } from '../../../common/clock.ts';
import type { Address } from '../../../common/units.ts';
import type { PlannedFault } from '../../record/recording.ts';
import type { Random } from '../../../common/random.ts';
import type { Consequences } from '../consequences.ts';

/** What it takes to apply a fault. */
export interface Application {
  readonly consequences: Consequences;
  /** For what the plan leaves open. */
  readonly random: Random;
  readonly clock: Clock;
  readonly lifted: AbortSignal;
}

/** What viewers connect to. */
export interface Backend {
  readonly gateways: readonly Address[];
  /** The same, as clients take them. */
  readonly endpoints: readonly string[];
  /** How long a gateway is silent at most, in milliseconds: the longest of all. */
  readonly heartbeatMs: number;
  /** Whether the tool runs gateways and NATS itself, so that it knows what is impossible for them and when. */
  readonly own: boolean;
  /** Rejects when the backend cannot go on; never resolves. */
  readonly failed: Promise<never>;
  /** Applies a backend fault until `lifted` aborts; resolves when what it hit works again. */
  apply(fault: PlannedFault, how: Application): Promise<void>;
  /** What the stream is called now (`epoch` of a cursor in it); undefined if that cannot be found out at once. */
  epoch(): Promise<string | undefined>;
  /** Reads of JetStream history by the gateways so far; undefined if they cannot be asked. */
  historyReads(): Promise<number | undefined>;
  close(): Promise<void>;
}
