import type { LastMessage, StoredMessage } from './message.ts';

/*
 * What NATS says of a stream and of a room in it, as data: the log is built and judged by it.
 */

/** The stream as its leader describes it. */
export interface StreamState {
  /** Identity: name and time of creation. */
  readonly epoch: string;
  /** Names that it had before and is known to have had, with the same history: its time of creation may change. */
  readonly formerly: readonly string[];
  /** Whether it holds messages that are older than its time of creation, which is then not when it was created. */
  readonly predated: boolean;
  /** Sequence of the oldest message held of any room; `lastSeq + 1` when none is. */
  readonly firstSeq: number;
  /** Sequence of the newest message ever stored. */
  readonly lastSeq: number;
  /** Sequences between the two that hold no message any more. */
  readonly deleted: number;
  /** The server that leads the stream; undefined where there is one server only. */
  readonly leader?: string | undefined;
  /** When the newest message was stored, to the nanosecond. */
  readonly lastTime: string;
}

/** A message of the live feed and the sequence of the message before it in its room (0: none held). */
export interface FeedMessage {
  readonly message: StoredMessage;
  readonly prevSeq: number;
}

/** Messages of a room read from the stream, and the evidence needed to judge where they begin. */
export interface HistoryRead {
  readonly epoch: string;
  /** See {@link StreamState.predated}. */
  readonly predated: boolean;
  /** The read asked for everything at or after this sequence. */
  readonly from: number;
  readonly messages: readonly StoredMessage[];
  /**
   * Every message of the room in `[from, upto]` that was held is in `messages`, and was still held when all had been
   * read: what limits evict during a read would leave a hole in the midst of it.
   */
  readonly upto: number;
  /** The stream went at least so far when the read looked for its end: one that ends before it was not of everything. */
  readonly lastSeq: number;
  /** The stream's oldest sequence, read *after* the messages: whatever it allows was true for them, too. */
  readonly firstSeq: number;
  /** Whether the stream holds a message of any room at `from`; only asked for when the room has none there. */
  readonly fromHeldElsewhere: boolean;
}

/** What the leader knows of a room's end. */
export interface RoomEnd {
  readonly epoch: string;
  /** See {@link StreamState.formerly}. */
  readonly formerly: readonly string[];
  /** The stream's newest sequence, read *before* `last`: the room has no unseen message at or below it. */
  readonly lastSeq: number;
  /** The room's newest message held, or undefined. */
  readonly last: LastMessage | undefined;
  /** The stream's oldest sequence, read *after* `last`: nothing behind it can have come and gone unseen. */
  readonly firstSeq: number;
  /** The stream as it was before and after the answer; undefined if that was not the same. */
  readonly stream: StreamState | undefined;
}
