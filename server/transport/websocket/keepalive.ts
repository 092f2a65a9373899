import type { Clock, Timer } from '../../../common/clock.ts';
import type { Keepalive } from '../connections/keepalive.ts';

/** In the time from a sign of life to a ping, connections are looked at so often. */
const LOOKS = 4;
/** Pings that are written before other events get their turn. */
const AT_ONCE = 100;

/** A connection whose other end is asked from time to time whether it is there. */
export interface Kept {
  /** How often it was looked at since something came: set back to 0 by whatever comes. */
  quiet: number;
  /** Whether nothing is read of it now, so that it cannot be heard. */
  readonly paused: boolean;
  ping(): void;
  terminate(): void;
}

/** Asks connections that are silent whether somebody is there, and ends those that give no answer; with one timer for all: each takes memory. */
export class KeepaliveSweep {
  readonly #clock: Clock;
  readonly #connections: () => Iterable<Kept>;
  readonly #deadAt: number;
  readonly #timer: Timer;

  constructor(clock: Clock, { timeMs, timeoutMs }: Keepalive, connections: () => Iterable<Kept>) {
    const lookMs = timeMs / LOOKS;
    this.#clock = clock;
    this.#connections = connections;
    this.#deadAt = LOOKS + Math.ceil(timeoutMs / lookMs) + 1;
    this.#timer = clock.every(lookMs, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const silent: Kept[] = [];
    for (const connection of this.#connections()) {
      if (connection.paused) continue;
      connection.quiet++;
      if (connection.quiet === LOOKS) silent.push(connection);
      else if (connection.quiet >= this.#deadAt) connection.terminate();
    }
    this.#ping(silent, 0);
  }

  #ping(silent: readonly Kept[], from: number): void {
    const next = from + AT_ONCE;
    for (const connection of silent.slice(from, next)) connection.ping();
    if (next < silent.length) this.#clock.after(0, () => this.#ping(silent, next));
  }
}
