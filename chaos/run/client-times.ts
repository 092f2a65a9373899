/** Times of the viewers' clients, in milliseconds: shorter than the defaults, so that a short run sees many recoveries. */
export const clientTimes = {
  silenceFactor: 2,
  probeTimeoutMs: 1_000,
  backoff: { baseMs: 100, maxMs: 2_000 },
  /** Longer than applications are put aside, so that it is the probe that notices most faults. */
  keepalive: { timeMs: 5_000, timeoutMs: 6_000 },
} as const;

/** What the client adds to the silence that heartbeats allow, in milliseconds. */
const SILENCE_SLACK_MS = 250;

/** How late a busy machine may be with what is due, in milliseconds. */
const MACHINE_MS = 1_000;

/** How long a connection may take, in milliseconds: all viewers of a process may connect at once. */
export function connectTimeoutMs(viewersOfProcess: number): number {
  return 4_000 + 5 * viewersOfProcess;
}

/**
 * How long after its end a fault may still show, in milliseconds. A link that is dead for good is noticed by silence or, where
 * only what the viewer sends vanishes, by keepalive; an attempt to connect that began in the fault, by its time-out. The client
 * then waits before it tries again.
 * @param heartbeatMs how long the gateways are silent at most
 */
export function recoveryMs(heartbeatMs: number, viewersOfProcess: number): number {
  const { silenceFactor, probeTimeoutMs, backoff, keepalive } = clientTimes;
  const silenceMs = heartbeatMs * silenceFactor + SILENCE_SLACK_MS + probeTimeoutMs;
  const keepaliveMs = keepalive.timeMs + keepalive.timeoutMs;
  const noticedMs = Math.max(silenceMs, keepaliveMs, connectTimeoutMs(viewersOfProcess));
  return noticedMs + backoff.maxMs + MACHINE_MS;
}
