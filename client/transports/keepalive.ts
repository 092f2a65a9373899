/**
 * Pings of the connection itself, HTTP/2's or a WebSocket's: they find out that nothing that is sent arrives, where things still come. In milliseconds. It must
 * allow for the longest stall of either event loop, and for what is on its way by a slow link.
 */
export interface KeepaliveOptions {
  /** From one ping to the next. */
  readonly timeMs: number;
  /** How long the answer may take. */
  readonly timeoutMs: number;
}

/**
 * Keepalive unless the application says otherwise. The answer to a ping comes behind what is on its way, up to a whole window of 256 KiB: on a link of
 * 12 kB/s that takes 21 s. That a link is dead is noticed sooner, by silence.
 */
export const defaultKeepalive: KeepaliveOptions = { timeMs: 20_000, timeoutMs: 30_000 };
