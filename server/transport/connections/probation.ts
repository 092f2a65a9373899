import type { Clock, Timer } from '../../../common/clock.ts';

/** How long an address stays on probation after the last time, in milliseconds. */
const PROBATION_MS = 10_000;
/** Its connections wait for so long at most, in milliseconds: whoever waits longer has given up. */
const PATIENCE_MS = 5_000;
/** Each further connection that breaks the rules doubles the time between two that are served, up to this, in milliseconds: to end one costs everybody ten milliseconds. */
const LONGEST_PERIOD_MS = 2_000;

interface Suspect {
  untilMs: number;
  /** Time between two connections that are served. */
  periodMs: number;
  /** Its connections that wait to be served, the first in front. */
  readonly waiting: (() => void)[];
  /** While they wait. */
  timer: Timer | undefined;
  /** When its next connection may be served. */
  nextMs: number;
}

/**
 * Addresses from which connections have broken the rules of HTTP/2: to end such a connection costs far more than to open the next. Of a suspect only so many connections are
 * served in a second, fewer the more of them break the rules, too, and the others wait: honest viewers may have the same address.
 */
export class Probation {
  readonly #clock: Clock;
  #periodMs: number;
  readonly #suspects = new Map<string, Suspect>();
  readonly #timer: Timer;

  /** @param perSecond connections of a suspect that are served in a second, at first; Infinity: as many as come */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#periodMs = 1_000 / perSecond;
    this.#timer = clock.every(PROBATION_MS, () => this.#forget());
  }

  /** So many connections a second are served of whoever becomes a suspect from now on. */
  limit(perSecond: number): void {
    this.#periodMs = 1_000 / perSecond;
  }

  /** A connection from this address has broken the rules. */
  suspect(address: string): void {
    const untilMs = this.#clock.monotonicMs() + PROBATION_MS;
    const known = this.#suspects.get(address);
    if (known !== undefined) {
      known.untilMs = untilMs;
      known.periodMs = Math.min(2 * known.periodMs, Math.max(this.#periodMs, LONGEST_PERIOD_MS));
    } else if (this.#periodMs > 0) {
      const suspect = { untilMs, periodMs: this.#periodMs, waiting: [], timer: undefined, nextMs: 0 };
      this.#suspects.set(address, suspect);
    }
  }

  /** Has a connection from this address served: now, or when it is its turn. False: there are too many, it is to be closed. */
  admit(address: string, serve: () => void): boolean {
    const suspect = this.#suspects.get(address);
    if (suspect === undefined) {
      serve();
      return true;
    }
    if (suspect.waiting.length * suspect.periodMs >= PATIENCE_MS) return false;
    suspect.waiting.push(serve);
    if (suspect.timer === undefined) this.#serveNext(address, suspect);
    return true;
  }

  close(): void {
    this.#timer.cancel();
    for (const { timer } of this.#suspects.values()) timer?.cancel();
    this.#suspects.clear();
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [address, { untilMs, timer }] of this.#suspects)
      if (nowMs >= untilMs && timer === undefined) this.#suspects.delete(address);
  }

  #serveNext(address: string, suspect: Suspect): void {
    const nowMs = this.#clock.monotonicMs();
    suspect.timer = undefined;
    if (nowMs >= suspect.untilMs) {
      this.#suspects.delete(address);
      for (const serve of suspect.waiting) serve();
      return;
    }
    if (nowMs >= suspect.nextMs) {
      suspect.nextMs = nowMs + suspect.periodMs;
      suspect.waiting.shift()?.();
    }
    if (suspect.waiting.length === 0) return;
    suspect.timer = this.#clock.after(Math.min(suspect.nextMs, suspect.untilMs) - nowMs, () =>
      this.#serveNext(address, suspect),
    );
  }
}
