import type { StreamInfo } from 'nats';
import type { Clock, Timer } from '../../common/clock.ts';
import type { UpstreamCause } from '../upstream/upstream-cause.ts';
import type { NatsConnection } from './connection/connection.ts';
import { failureCauseOf } from './connection/failure-cause.ts';
import type { RequestOptions } from './connection/requests.ts';
import type { StreamRequirements } from './stream/stream-fields.ts';
import { describeDifferences, judgeStream } from './stream/stream-config.ts';
import type { UpstreamHealth } from './health/upstream-health.ts';

/** How often the stream's leader is asked, and how long it may take, in heartbeats: together no more than one. */
const PERIOD_HEARTBEATS = 0.4;
const TIMEOUT_HEARTBEATS = 0.6;
/** Bounds of both, in milliseconds. */
const PERIOD_MS = { min: 250, max: 2_000 };
const TIMEOUT_MS = { min: 1_000, max: 3_000 };
/** When nothing has been read for so long, it is tried, so that a failure is known within two heartbeats; bounds in milliseconds. */
const UNREAD_HEARTBEATS = 1.5;
const UNREAD_MS = { min: 1_000, max: 30_000 };

/** What the leader of a stream can be asked about the stream as a whole. */
export interface MonitoredStream {
  /** Asked ahead of all other questions. */
  inspect(asking: RequestOptions): Promise<StreamInfo>;
  /** Reads in all the ways in which a gateway does. */
  probeReads(): Promise<void>;
}

/** What a monitor depends on. */
export interface MonitorDependencies {
  readonly connection: Pick<NatsConnection, 'up' | 'onChange' | 'nc'>;
  readonly stream: MonitoredStream;
  readonly requirements: StreamRequirements;
  readonly health: Pick<UpstreamHealth, 'raise' | 'clear'>;
  /** Is told whether the stream republishes what it stores. */
  readonly feeds: { republished: boolean };
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** Makes the stream again as it should be; absent when it is not the gateway's own. Says in the log what it does. */
  readonly repair?: () => Promise<void>;
}

/** What the leader says of the stream as a whole excludes each other. */
const STREAM_CAUSES = ['JETSTREAM_UNAVAILABLE', 'STREAM_MISSING'] as const satisfies readonly UpstreamCause[];

/**
 * Proves again and again what viewers are told: that the stream's leader answers, that the stream is what it must be, and that it can
 * be read. What cannot be proven is told, and taken back when it can.
 */
export class Monitor {
  readonly #dependencies: MonitorDependencies;
  readonly #timeoutMs: number;
  readonly #unreadMs: number;
  readonly #timer: Timer;
  readonly #unwatch: () => void;
  #looking = false;
  /** When it last looked, on the monotonic clock. */
  #lookedMs = -Infinity;
  #closed = false;
  /** Whether a read has failed since the last one that was tried. */
  #doubted = false;
  /** When something was last read in the way in which history is, on the monotonic clock. */
  #readMs: number;

  constructor(dependencies: MonitorDependencies) {
    this.#dependencies = dependencies;
    const { clock, heartbeatMs, connection } = dependencies;
    this.#readMs = clock.monotonicMs();
    this.#timeoutMs = clamp(heartbeatMs * TIMEOUT_HEARTBEATS, TIMEOUT_MS);
    this.#unreadMs = clamp(heartbeatMs * UNREAD_HEARTBEATS, UNREAD_MS);
    this.#timer = clock.every(clamp(heartbeatMs * PERIOD_HEARTBEATS, PERIOD_MS), () => this.look());
    this.#unwatch = connection.onChange((up) => {
      if (up) this.look();
    });
  }

  /** Looks now, unless it does already. */
  look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#lookedMs = this.#dependencies.clock.monotonicMs();
    void this.#look().finally(() => (this.#looking = false));
  }

  /** Notes that history was read. */
  readWorked(): void {
    this.#readMs = this.#dependencies.clock.monotonicMs();
  }

  /** Notes that the stream could not be asked or read; whether that is more than one room's failure is tried soon. */
  readFailed(error: unknown): void {
    if (failureCauseOf(error) === undefined) return;
    this.#doubted = true;
    if (this.#dependencies.clock.monotonicMs() - this.#lookedMs >= PERIOD_MS.min) this.look();
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#unwatch();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  async #look(): Promise<void> {
    const { connection, stream, health } = this.#dependencies;
    if (this.#isClosed() || !connection.up) return;
    try {
      const info = await stream.inspect({ timeoutMs: this.#timeoutMs });
      for (const cause of STREAM_CAUSES) health.clear(cause);
      await this.#judge(info);
      await this.#tryReads();
    } catch (error) {
      const failure = failureCauseOf(error);
      if (this.#isClosed() || failure === undefined) return;
      health.raise(failure.cause, failure.detail);
      for (const cause of STREAM_CAUSES) if (cause !== failure.cause) health.clear(cause);
      this.#doubted = true;
      if (failure.cause === 'STREAM_MISSING') await this.#repair();
    }
  }

  async #judge(info: StreamInfo): Promise<void> {
    const { connection, requirements, health, feeds } = this.#dependencies;
    const judged = judgeStream(info, requirements, connection.nc.info?.version ?? '');
    const differences = judged.kind === 'unfit' ? judged.differences : [];
    const [first, ...others] = differences.filter(({ field }) => !isRepublishing(field));
    feeds.republished = !differences.some(({ field }) => isRepublishing(field));
    if (first === undefined) health.clear('STREAM_UNFIT');
    else health.raise('STREAM_UNFIT', describeDifferences(requirements.settings.stream, [first, ...others]));
    if (differences.length > 0) await this.#repair();
  }

  async #tryReads(): Promise<void> {
    const { clock, stream, health } = this.#dependencies;
    if (!this.#doubted && clock.monotonicMs() - this.#readMs < this.#unreadMs) return;
    this.#doubted = false;
    try {
      await stream.probeReads();
      this.readWorked();
      health.clear('READS_FAILING');
    } catch (error) {
      const failure = failureCauseOf(error);
      if (this.#isClosed() || failure === undefined) return;
      // As long as it fails it is tried with every look.
      this.#doubted = true;
      health.raise('READS_FAILING', failure.detail);
    }
  }

  async #repair(): Promise<void> {
    await this.#dependencies.repair?.().catch(() => undefined);
  }
}

const isRepublishing = (field: string): boolean => field.startsWith('republish');
const clamp = (value: number, { min, max }: { readonly min: number; readonly max: number }): number =>
  Math.min(Math.max(value, min), max);
