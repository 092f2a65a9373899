import type { Clock, Timer } from '../../../common/clock.ts';

const SECOND_MS = 1_000;

/** Counts what connections do, each in this second. Who does nothing costs nothing here. */
export class PerSecond<Connection extends object> {
  readonly #limit: number;
  readonly #counts = new Map<Connection, number>();
  readonly #timer: Timer;

  /** @param limit how often one may do it in a second */
  constructor(clock: Clock, limit: number) {
    this.#limit = limit;
    this.#timer = clock.every(SECOND_MS, () => this.#counts.clear());
  }

  /** A connection does it once more; whether it may. */
  add(connection: Connection): boolean {
    const count = (this.#counts.get(connection) ?? 0) + 1;
    this.#counts.set(connection, count);
    return count <= this.#limit;
  }

  close(): void {
    this.#timer.cancel();
    this.#counts.clear();
  }
}
