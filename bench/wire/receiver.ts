/** What one subscriber of the bench does with its connection. */
export interface Receiver {
  /** Called once, when the connection is open. */
  greet(): void;
  /**
   * Takes `bytes[start, end)`, as far as it can: what it leaves, from the returned offset on, lies in front of the
   * next bytes. Leaves less than {@link HEADROOM}.
   */
  receive(bytes: Buffer, start: number, end: number): number;
}

/** What a receiver can say and tell. */
export interface ReceiverContext {
  readonly room: string;
  /** `host:port` of the server. */
  readonly authority: string;
  send(bytes: Buffer | string): void;
  /** The subscription is in force: what is published from now on arrives. */
  ready(): void;
  fail(reason: string): void;
  /** So many messages more have begun to arrive. */
  count(messages: number): void;
}

/** Makes the receiver of one connection. */
export type MakeReceiver = (context: ReceiverContext) => Receiver;

/** Bytes that a receiver may leave for later. */
export const HEADROOM = 8 * 1024;
