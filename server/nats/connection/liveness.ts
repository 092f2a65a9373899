import type { Clock } from '../../../common/clock.ts';

/** How often the connection is looked at, in milliseconds. */
const TICK_MS = 250;
/** After so much silence an answer is asked for, and the connection is cut. In milliseconds. */
const SILENCE_MS = { ping: 1_000, cut: 6_000 };
/** It is told after two heartbeats, within these bounds, in milliseconds. */
const TOLD_MS = { min: 2_000, max: 3_000 };
/**
 * The answer can only come when what was sent before the question has arrived: so much of it, in bytes, at least so fast, in
 * bytes a millisecond, before the connection is given up.
 */
const UNDERWAY = { bytes: 1024 * 1024, perMs: 40 };

/** A connection, as far as its life is watched. */
export interface WatchedConnection {
  /** Whether there is one now. */
  readonly open: boolean;
  /** Bytes since the start. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Makes the other side send something. */
  ping(): void;
  /** Told whenever the connection falls silent, and when something comes again. */
  silent(silent: boolean): void;
  /** Ends the connection. */
  cut(): void;
}

/**
 * Watches whether anything comes by a connection, until the returned function is called. Any byte is a sign of life: on a slow link the
 * answer to a ping waits behind whatever is on its way. Time in which this process stood still itself does not count.
 * @param heartbeatMs that of viewers, who are told of silence
 */
export function watchLiveness(
  connection: WatchedConnection,
  clock: Clock,
  heartbeatMs = Infinity,
): () => void {
  const toldMs = Math.min(Math.max(2 * heartbeatMs, TOLD_MS.min), TOLD_MS.max);
  let received = -1;
  let sent = 0;
  let silenceMs = 0;
  let lookedMs = clock.monotonicMs();
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    const passedMs = Math.min(nowMs - lookedMs, 2 * TICK_MS);
    lookedMs = nowMs;
    const wasSilent = silenceMs >= toldMs;
    if (!connection.open || connection.bytesReceived !== received) {
      received = connection.bytesReceived;
      sent = connection.bytesSent;
      silenceMs = 0;
      if (wasSilent) connection.silent(false);
      return;
    }
    const before = silenceMs;
    silenceMs += passedMs;
    const reached = (limitMs: number): boolean => before < limitMs && silenceMs >= limitMs;
    if (reached(SILENCE_MS.ping)) connection.ping();
    if (reached(toldMs)) connection.silent(true);
    const underway = Math.min(connection.bytesSent - sent, UNDERWAY.bytes);
    if (silenceMs >= SILENCE_MS.cut + underway / UNDERWAY.perMs) connection.cut();
  };
  const timer = clock.every(TICK_MS, look);
  return () => timer.cancel();
}
