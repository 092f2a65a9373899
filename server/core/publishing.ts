import type { MessageContent } from './message.ts';

/**
 * The outcome of a reliable publish:
 * - `stored`: at `seq`; `duplicate` when it had been stored before;
 * - `unknown`: sent and never acknowledged, so it may have been stored; again with the same id is safe;
 * - `unsent`: certainly not stored;
 * - `refused`: the stream will not have it, however often it is sent.
 */
export type PublishOutcome =
  | { readonly kind: 'stored'; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'refused'; readonly message: string };

/** How long a reliable publish is tried. */
export interface PublishLimit {
  /** In milliseconds. */
  readonly ms: number;
  /** Ends the wait for an acknowledgement, not what was already sent. */
  readonly signal?: AbortSignal | undefined;
}

/** Where messages go that are published through the gateway. */
export interface PublishTarget {
  /** Stores a message, trying again with the same id within `limit`. Never rejects. */
  reliable(room: string, content: MessageContent, limit: PublishLimit): Promise<PublishOutcome>;
  /** Sends a message to whoever listens now; false when it certainly reached nobody. */
  ephemeral(room: string, content: MessageContent): boolean;
}
