import type { Position } from '../log/position.ts';
import type { Witness } from './resume-resolver.ts';

/**
 * How far a subscription has come:
 * - `locating`: the stream is asked where its start is, or who is right about its cursor;
 * - `failed`: its start could not be found;
 * - `starting`: it begins at the room's end, once that is known;
 * - `claimed`: it brought a cursor that is yet to be judged;
 * - `replaying`: its position is proven, and it is being brought to the head;
 * - `live`: it has been told that it has caught up;
 * - `left`: nothing more comes.
 */
export type Stage =
  | { readonly kind: 'locating' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'starting' }
  | { readonly kind: 'claimed'; readonly cursor: Position; readonly witness: Witness }
  | { readonly kind: 'replaying' }
  | { readonly kind: 'live' }
  | { readonly kind: 'left' };

export const LOCATING: Stage = { kind: 'locating' };
export const STARTING: Stage = { kind: 'starting' };
export const REPLAYING: Stage = { kind: 'replaying' };
/** Most are. */
export const LIVE: Stage = { kind: 'live' };
export const LEFT: Stage = { kind: 'left' };
