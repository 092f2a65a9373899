import type { UpstreamCause, UpstreamCauses } from '../../upstream/upstream-cause.ts';
import { NO_CAUSES, UPSTREAM_CAUSES } from '../../upstream/upstream-cause.ts';
import type { Logger } from '../../observability/logging.ts';
import type { NatsConnection } from '../connection/connection.ts';

/** Times that each cause has arisen. */
export type CauseCounts = ReadonlyMap<UpstreamCause, number>;

/**
 * What is known to be wrong between this gateway and NATS. Whoever finds something out says so here; viewers, operators and
 * load balancers are told by the listeners, the log gets one line for each that arises or passes.
 */
export class UpstreamHealth {
  readonly #logger: Logger;
  readonly #held = new Set<UpstreamCause>();
  readonly #arisen = new Map<UpstreamCause, number>(UPSTREAM_CAUSES.map((cause) => [cause, 0]));
  readonly #listeners = new Set<(causes: UpstreamCauses) => void>();
  #causes: UpstreamCauses = NO_CAUSES;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What holds now. The same array as long as nothing changes. */
  get causes(): UpstreamCauses {
    return this.#causes;
  }

  get arisen(): CauseCounts {
    return this.#arisen;
  }

  /**
   * Notes that something is wrong; again while it holds changes nothing.
   * @param detail for operators: what exactly, and what to do about it
   */
  raise(cause: UpstreamCause, detail: string): void {
    if (this.#held.has(cause)) return;
    this.#held.add(cause);
    this.#arisen.set(cause, (this.#arisen.get(cause) ?? 0) + 1);
    this.#logger.warn({ cause, detail }, `NATS: ${cause}`);
    this.#changed();
  }

  /** Notes that something is wrong no longer. */
  clear(cause: UpstreamCause): void {
    if (!this.#held.delete(cause)) return;
    this.#logger.info({ cause }, `NATS: ${cause} is over`);
    this.#changed();
  }

  /** Calls `listener` whenever the causes change, until the returned function is called. */
  onChange(listener: (causes: UpstreamCauses) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.#causes =
      this.#held.size === 0 ? NO_CAUSES : UPSTREAM_CAUSES.filter((cause) => this.#held.has(cause));
    for (const listener of this.#listeners) listener(this.#causes);
  }
}

/** Tells whether there is a connection, until the returned function is called. */
export function watchConnection(connection: NatsConnection, health: UpstreamHealth): () => void {
  return connection.onChange((up) => {
    if (up) health.clear('NATS_UNREACHABLE');
    else health.raise('NATS_UNREACHABLE', 'the connection to NATS is lost; it is being made again');
  });
}
