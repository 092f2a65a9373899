import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { Random } from '../../common/random.ts';
import type { Endpoints } from './endpoints.ts';

/** Where the next attempt to connect goes, and when. */
export interface NextAttempt {
  /** Failures since a connection last gained something, the last one included. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly endpoint: string;
}

/** Where a connection goes, and how long it waits before: longer with each failure, until a connection was of use. */
export class Route {
  readonly #endpoints: Endpoints;
  readonly #backoff: BackoffLimits;
  readonly #random: Random;
  #endpoint: string;
  /** Failures, and moves, since a connection last gained something. */
  #attempt = 0;

  constructor(endpoints: Endpoints, backoff: BackoffLimits, random: Random) {
    this.#endpoints = endpoints;
    this.#backoff = backoff;
    this.#random = random;
    this.#endpoint = endpoints.pick();
  }

  /** The endpoint in use, or to be tried next. */
  get endpoint(): string {
    return this.#endpoint;
  }

  get attempt(): number {
    return this.#attempt;
  }

  /** The connection was of use: the next failure begins the backoff anew. */
  gained(): void {
    this.#attempt = 0;
    this.#endpoints.worked(this.#endpoint);
  }

  /** The connection failed: goes elsewhere, if there is elsewhere. */
  failed(): NextAttempt {
    const delayMs = this.#delayMs();
    this.#attempt += 1;
    this.#endpoints.failed(this.#endpoint);
    this.#endpoint = this.#endpoints.pick();
    return { attempt: this.#attempt, delayMs, endpoint: this.#endpoint };
  }

  /**
   * The gateway sends us away, in `afterMs` at the earliest. No penalty for a move, but two without a gain in between are a loop and are slowed down.
   * @param advised where it would have us go
   */
  sentAway(advised: string, afterMs: number): NextAttempt {
    const endpoint = this.#endpoints.pickAfter(this.#endpoint, advised);
    const penaltyMs = this.#attempt === 0 ? 0 : this.#delayMs();
    this.#attempt += 1;
    return { attempt: this.#attempt, delayMs: Math.max(afterMs, penaltyMs), endpoint };
  }

  /** The move has begun. */
  goTo(endpoint: string): void {
    this.#endpoint = endpoint;
  }

  #delayMs(): number {
    return backoffDelay(this.#attempt, this.#backoff, this.#random);
  }
}
