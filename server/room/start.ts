import type { Position } from '../log/position.ts';
import type { StateReader } from './state-news.ts';
import type { StreamStart } from '../upstream/upstream.ts';

/** Where a viewer without a cursor begins. */
export type Start = { readonly kind: 'live' } | StreamStart;

/** What a viewer asks for when it joins. */
export type AskedFrom = { readonly kind: 'cursor'; readonly cursor: Position } | Start;

/** A start that the stream has to look for, or the one of several that comes last. */
export type LocatedStart = StreamStart | { readonly kind: 'latest'; readonly starts: readonly StreamStart[] };

/** Where a viewer begins. */
export type JoinFrom = AskedFrom | LocatedStart;

/** Bounds of a subscription. */
export interface SubscriptionLimits {
  /** The largest frame that the client takes, in bytes. */
  readonly maxFrameBytes?: number;
  /** Bytes of batches that may be handed to the transport; the one that exhausts them goes whole. */
  readonly creditBytes?: number;
  /** Who watches: for rooms with a state. */
  readonly reader?: StateReader;
}
