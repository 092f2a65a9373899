import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import { hasTerminal } from './terminal.ts';

/** Signals that ask the process to end in order. */
const END_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Signals so close together are one wish, in milliseconds. */
const SAME_SIGNAL_MS = 500;

/**
 * Hears the signals to end from its creation on, so that none ends the process before it can do so in order. SIGHUP has two meanings: where the
 * terminal that the process was started from is gone it is one of them, and asks to read files again anywhere else.
 */
export class EndSignals {
  readonly #clock: Clock;
  readonly #asked = new AbortController();
  #first: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined;
  #insist: () => void = () => undefined;
  #reload: () => void = () => undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    for (const signal of END_SIGNALS) process.on(signal, () => this.#hear(signal));
    const onTerminal = hasTerminal();
    process.on('SIGHUP', () => {
      if (onTerminal && !hasTerminal()) this.#hear('SIGHUP');
      else this.#reload();
    });
  }

  /** Aborted when the process was asked to end. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** The signal by which it was asked. */
  get signal(): NodeJS.Signals | undefined {
    return this.#first?.signal;
  }

  /** Calls `fn` for each signal that comes half a second or more after the first: whoever asks twice does not want to wait. */
  onInsisted(fn: () => void): void {
    this.#insist = fn;
  }

  /** Calls `fn` for each SIGHUP that does not ask the process to end. */
  onReload(fn: () => void): void {
    this.#reload = fn;
  }

  #hear(signal: NodeJS.Signals): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#first === undefined) {
      this.#first = { signal, atMs: nowMs };
      this.#asked.abort(new Error(`ended by ${signal}`));
    } else if (nowMs - this.#first.atMs > SAME_SIGNAL_MS) {
      // Ctrl-C under npm arrives twice at once: that is one.
      this.#insist();
    }
  }
}
