/** How a peer that vanished without a word is noticed. All in milliseconds. */
export interface Keepalive {
  /** From one ping to the next. */
  readonly timeMs: number;
  /** How long an answer may take; longer than any stall of the event loop, and than what is on its way takes on a slow link. */
  readonly timeoutMs: number;
}
