import type { MessageContent } from '../log/message.ts';

/**
 * Why a message was certainly not stored:
 * - `away`: there is no connection to NATS;
 * - `unready`: NATS is there, but nobody takes messages for the stream now: it is missing, has no leader, or cannot keep up;
 * - `unfit`: as it is, the stream takes no messages: it is sealed, for example;
 * - `full`: JetStream has no space for it;
 * - `forbidden`: NATS does not let the gateway publish it;
 * - `rejected`: the stream will not have it, however often it is sent.
 */
export type Refusal = 'away' | 'unready' | 'unfit' | 'full' | 'forbidden' | 'rejected';

/** A message was certainly not stored. `detail` says for people what was answered. */
export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  readonly detail: string;
}

/** Sent and never acknowledged by the stream, so it may have been stored; again with the same id is safe. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly detail: string;
}

/** Stored at `seq`; `duplicate` when it had been stored before. */
export interface Stored {
  readonly kind: 'stored';
  readonly seq: number;
  readonly duplicate: boolean;
}

/** The outcome of a reliable publish. */
export type PublishOutcome = Stored | Unknown | Refused;

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
  /** Sends a message to whoever listens now; a refusal when it certainly reached nobody. */
  ephemeral(room: string, content: MessageContent): Refused | undefined;
}
