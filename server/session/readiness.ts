import type { UpstreamCauses } from '../upstream/upstream-cause.ts';

/** Says what is wrong with NATS, and when that changes. */
export interface UpstreamStatus {
  readonly causes: UpstreamCauses;
  onChange(listener: (causes: UpstreamCauses) => void): () => void;
}

/**
 * Whether viewers should be sent here: the one answer for gRPC's health, `/readyz`, the metrics and other gateways. They should not while the gateway goes
 * away, nor as long as anything is wrong with NATS: they had better go to one that can prove what it says.
 */
export class Readiness {
  readonly #upstream: UpstreamStatus;
  readonly #listeners: (() => void)[] = [];
  #leaving = false;

  constructor(upstream: UpstreamStatus) {
    this.#upstream = upstream;
    upstream.onChange(() => this.#changed());
  }

  get ready(): boolean {
    return this.reasons.length === 0;
  }

  /** Why viewers should not be sent here; empty: they should. */
  get reasons(): readonly string[] {
    return this.#leaving ? ['DRAINING'] : this.#upstream.causes;
  }

  /** Whether the gateway is going away. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** The gateway is going away: nobody is to be sent here any more. */
  leave(): void {
    this.#leaving = true;
    this.#changed();
  }

  /** Calls `listener` whenever any of this may have changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
