import type { Timer } from '../../common/clock.ts';

/**
 * How far a session has come:
 * - `awaiting-hello`: nothing may come before Hello;
 * - `open`: rooms can be joined;
 * - `leaving`: nothing more is accepted; the stream ends with OK when the last answer is written;
 * - `over`: the stream has ended and everything is given back; it closes when what was written has gone out.
 */
export type SessionState =
  | { readonly kind: 'awaiting-hello'; readonly timer: Timer }
  | { readonly kind: 'open' }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'over'; readonly sinceMs: number };

export const OPEN: SessionState = { kind: 'open' };

export type SessionPhase = SessionState['kind'];

/** All there are, in this order. */
export const PHASES = [
  'awaiting-hello',
  'open',
  'leaving',
  'over',
] as const satisfies readonly SessionPhase[];
