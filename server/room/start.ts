import type { Position } from '../log/position.ts';
import type { StreamStart } from '../upstream/upstream.ts';

/** Where a viewer without a cursor begins. */
export type Start = { readonly kind: 'live' } | StreamStart;

/** What a viewer asks for when it joins. */
export type JoinFrom = { readonly kind: 'cursor'; readonly cursor: Position } | Start;
