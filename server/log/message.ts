/** A reliable message as the stream holds it. */
export interface StoredMessage {
  /** JetStream sequence. JetStream counts from 1; below 2^53, which the NATS client cannot exceed either. */
  readonly seq: number;
  /** Fingerprint of the message, see {@link fingerprint}; never 0. */
  readonly fingerprint: number;
  readonly content: MessageContent;
  /** When it was stored or received, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
}

/** What is kept in mind of a room's newest message. */
export interface LastMessage extends Pick<StoredMessage, 'seq' | 'timeMs'> {
  /** See {@link StoredMessage.fingerprint}; 0 as long as its payload has not been looked at: that may take long. */
  readonly fingerprint: number;
  /** Of its payload, in bytes. */
  readonly bytes: number;
}

export function lastOf({ seq, fingerprint, content, timeMs }: StoredMessage): LastMessage {
  return { seq, fingerprint, timeMs, bytes: content.payload.length };
}

/** What a publisher said. The payload may be a view of a socket's buffer: copy before keeping it. */
export interface MessageContent {
  /** `Nats-Msg-Id`, or empty. */
  readonly id: string;
  /** `Live-Type`, or empty when a foreign producer set none. */
  readonly type: string;
  /** `Live-Sender`, or empty. */
  readonly sender: string;
  readonly payload: Uint8Array;
  /** Remaining headers, without those of NATS itself. */
  readonly headers: readonly (readonly [string, string])[];
}

/** An ephemeral message: content and when the gateway received it, in milliseconds since the Unix epoch. */
export interface EphemeralMessage {
  readonly content: MessageContent;
  readonly timeMs: number;
}
