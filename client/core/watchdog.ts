import type { Clock, Timer } from '../../common/clock.ts';

/** How long a connection may be silent. All in milliseconds. */
export interface WatchdogLimits {
  /** Silence after which the connection is suspected. */
  readonly silenceMs: number;
  /** How long a probe may stay unanswered. */
  readonly probeMs: number;
}

/**
 * A part of a frame is a sign of life if it has so many bytes, in one span of silence: a large frame takes its time on a slow link. Fewer may
 * be a proxy's, which answers HTTP/2 pings for a gateway that is gone.
 */
const SIGN_OF_LIFE_BYTES = 1024;

/** What the watchdog asks of its owner. */
export interface WatchdogListener {
  /** Bytes that have come by the connection so far. */
  bytesReceived(): number;
  /** No frame came for `silentMs`, but so many bytes of one: the link is slow. */
  slow(bytes: number, silentMs: number): void;
  /** Nothing came for `silentMs`: send a probe. */
  suspected(silentMs: number): void;
  /** Something came after all. */
  cleared(): void;
  /** Nothing came in answer to the probe either. */
  expired(silentMs: number): void;
}

/** A timer this late says that this process slept, not that the peer was silent. */
const LATE_MS = 500;

type State =
  /** Watching; `timer` looks at the time of the last sign of life. */
  | { kind: 'watching'; timer: Timer }
  /** A probe is out, whose answer may come until `dueAt`. */
  | { kind: 'probing'; timer: Timer; dueAt: number }
  | { kind: 'stopped' };

/**
 * Watches for silence: `silenceMs` without a sign of life → suspected → `probeMs` without one → expired.
 * So a dead connection is told within `silenceMs + probeMs` of its last frame, or one more silence if a part of a frame came. A sign of life
 * costs one reading of the clock and of the socket's counter; timers are not touched.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limits: WatchdogLimits;
  readonly #listener: WatchdogListener;
  #state: State = { kind: 'stopped' };
  #heardAt = 0;
  /** When something came that was perhaps no frame, and how much had come by then. */
  #aliveAt = 0;
  #bytes = 0;
  /** How much had come with the last frame. */
  #bytesAtFrame = 0;

  constructor(clock: Clock, limits: WatchdogLimits, listener: WatchdogListener) {
    this.#clock = clock;
    this.#limits = limits;
    this.#listener = listener;
  }

  /** Begins to watch, now. */
  start(): void {
    this.#hear();
    this.#watch(this.#limits.silenceMs);
  }

  /** A sign of life. */
  heard(): void {
    this.#hear();
    if (this.#state.kind !== 'probing') return;
    this.#watch(this.#limits.silenceMs);
    this.#listener.cleared();
  }

  /** Asks at once, however short the silence: an answer may take `probeMs`. While a probe is out, its answer may take no longer than that from now on. */
  probe(probeMs: number): void {
    if (this.#state.kind === 'watching') {
      this.#probe(probeMs);
      this.#listener.suspected(this.#silentMs());
    } else if (this.#state.kind === 'probing' && this.#state.dueAt > this.#clock.monotonicMs() + probeMs) {
      this.#probe(probeMs);
    }
  }

  /** Ends the watch; nothing is called afterwards. */
  stop(): void {
    this.#setState({ kind: 'stopped' });
  }

  #watch(delayMs: number): void {
    this.#setState({ kind: 'watching', timer: this.#clock.after(delayMs, () => this.#look()) });
  }

  #look(): void {
    const silentMs = this.#silentMs();
    if (silentMs < this.#limits.silenceMs) {
      this.#watch(this.#limits.silenceMs - silentMs);
      return;
    }
    if (this.#isSlow()) {
      // Unless the listener has stopped the watch.
      if (this.#state.kind === 'watching') this.#watch(this.#limits.silenceMs);
      return;
    }
    this.#probe(this.#limits.probeMs);
    this.#listener.suspected(silentMs);
  }

  #probe(probeMs: number): void {
    const dueAt = this.#clock.monotonicMs() + probeMs;
    const timer = this.#clock.after(probeMs, () => {
      // The answer may be waiting unread: a process that was asleep has to look before it judges.
      if (this.#clock.monotonicMs() - dueAt > LATE_MS) this.#probe(probeMs);
      else if (this.#isSlow()) this.#recover();
      else this.#expire();
    });
    this.#setState({ kind: 'probing', timer, dueAt });
  }

  #hear(): void {
    this.#heardAt = this.#aliveAt = this.#clock.monotonicMs();
    this.#bytes = this.#bytesAtFrame = this.#listener.bytesReceived();
  }

  /** Whether a part of a frame has come since it was last asked. */
  #isSlow(): boolean {
    const bytes = this.#listener.bytesReceived();
    const came = bytes - this.#bytes;
    this.#bytes = bytes;
    if (came < SIGN_OF_LIFE_BYTES) return false;
    this.#aliveAt = this.#clock.monotonicMs();
    this.#listener.slow(bytes - this.#bytesAtFrame, this.#clock.monotonicMs() - this.#heardAt);
    return true;
  }

  #recover(): void {
    if (this.#state.kind !== 'probing') return;
    this.#watch(this.#limits.silenceMs);
    this.#listener.cleared();
  }

  #expire(): void {
    this.#setState({ kind: 'stopped' });
    this.#listener.expired(this.#silentMs());
  }

  #silentMs(): number {
    return this.#clock.monotonicMs() - this.#aliveAt;
  }

  #setState(next: State): void {
    if ('timer' in this.#state) this.#state.timer.cancel();
    this.#state = next;
  }
}
