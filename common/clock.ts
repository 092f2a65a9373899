/** A timer that can be cancelled; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as code sees it; injected, so that tests step it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Milliseconds since some fixed moment; never goes backwards. For measuring durations. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs` milliseconds; after 24 days if that is longer. */
  after(delayMs: number, fn: () => void): Timer;
  /** Calls `fn` every `periodMs` milliseconds until cancelled. */
  every(periodMs: number, fn: () => void): Timer;
}

/** The longest that a timer of Node or a browser can wait, in milliseconds; one that is longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fn) {
    const handle = setTimeout(fn, Math.min(delayMs, LONGEST_MS));
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, fn) {
    const handle = setInterval(fn, periodMs);
    return { cancel: () => clearInterval(handle) };
  },
};
