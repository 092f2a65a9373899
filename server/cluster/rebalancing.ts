import type { Clock, Timer } from '../../common/clock.ts';
import type { Fleet } from './fleet.ts';
import type { Logger } from '../observability/logging.ts';

const SECOND_MS = 1_000;
const SECONDS_PER_MINUTE = 60;
/** Viewers a minute that may always be moved, unless none may: otherwise a few would wait for hours. */
const A_FEW = 6;
/** An imbalance that has not lasted so long, in seconds, may be one of a crowd that is still coming. */
const PATIENCE_S = 10;

/** What is evened out. */
export interface Movable {
  /** Viewers' streams open now. */
  readonly count: number;
  /** Asks up to `viewers` of them to go to another gateway; how many were asked. */
  move(viewers: number): number;
}

/**
 * Lets viewers go, a few at a time, while this gateway has more than its share: a gateway that was added or restarted begins empty, and
 * viewers of live rooms stay for hours.
 */
export class Rebalancing {
  readonly #sessions: Movable;
  readonly #fleet: Fleet;
  readonly #logger: Logger;
  #percent: number;
  readonly #timer: Timer;
  #unevenS = 0;
  /** Viewers that may be moved by now; parts of one add up. */
  #due = 0;
  /** Moved since the imbalance began. */
  #moved = 0;

  /** @param percent of the viewers here that may be moved in a minute; 0: none */
  constructor(sessions: Movable, fleet: Fleet, percent: number, clock: Clock, logger: Logger) {
    this.#sessions = sessions;
    this.#fleet = fleet;
    this.#percent = percent;
    this.#logger = logger;
    this.#timer = clock.every(SECOND_MS, () => this.#tick());
  }

  /** So many percent of the viewers here may be moved in a minute from now on. */
  limit(percent: number): void {
    this.#percent = percent;
  }

  close(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const { count } = this.#sessions;
    const excess = this.#percent === 0 ? 0 : this.#fleet.excess(count);
    if (excess === 0) return this.#rest();
    this.#unevenS++;
    if (this.#unevenS <= PATIENCE_S) return;
    this.#due += Math.max(A_FEW, (count * this.#percent) / 100) / SECONDS_PER_MINUTE;
    const whole = Math.floor(this.#due);
    this.#due -= whole;
    if (whole === 0) return;
    if (this.#moved === 0)
      this.#logger.info({ viewers: count, excess }, 'other gateways have fewer viewers: some move');
    this.#moved += this.#sessions.move(Math.min(whole, excess));
  }

  #rest(): void {
    if (this.#moved > 0)
      this.#logger.info(
        { moved: this.#moved },
        'no more viewers move: this gateway has no more than its share of those it knows of',
      );
    this.#unevenS = 0;
    this.#due = 0;
    this.#moved = 0;
  }
}
