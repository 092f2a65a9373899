/** What a connection sends, piece by piece. */
export interface Input {
  /** What is wrong with it, for who looks for the cause of a failure. */
  readonly kind: string;
  readonly pieces: readonly Buffer[];
  /** How long it waits between two pieces, in milliseconds; absent: not at all. */
  readonly pauseMs?: number;
  /** It takes nothing of what it is answered. */
  readonly deaf?: boolean;
}
