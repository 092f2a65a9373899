import type { EphemeralMessage, LastMessage, StoredMessage } from './message.ts';

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
  /** When the newest message was stored, to the nanosecond. */
  readonly lastTime: string;
}

/** A message of the live feed and the sequence of the message before it in its room (0: none held). */
export interface FeedMessage {
  readonly message: StoredMessage;
  readonly prevSeq: number;
}

/** Where a room's feed delivers. Called from the reader of the NATS connection. */
export interface FeedSink {
  reliable(message: FeedMessage): void;
  /** Something may have been missed, or came that says neither what nor where it is: only the stream can tell. */
  doubtful(): void;
  ephemeral(message: EphemeralMessage): void;
}

/** A subscription to a room's feed. */
export interface Feed {
  close(): void;
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

/** Where a viewer without a cursor begins, when the gateway must ask the stream. */
export type StreamStart =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'since'; readonly timeMs: number }
  | { readonly kind: 'seq'; readonly seq: number };

/**
 * What a room needs of NATS. Every answer comes from the stream's leader; a call that returns a promise
 * rejects with UpstreamError while none can be had, and may be repeated.
 */
export interface Upstream {
  /** Subscribes to a room's feed. Whatever is asked afterwards is answered by a server that has confirmed it. */
  openFeed(room: string, sink: FeedSink): Promise<Feed>;
  /**
   * @param known the room's newest message as far as the caller knows, when it has no reason to doubt that the stream holds it: a large one
   * need not be looked at again when nothing is behind it
   * @param before what was answered last, as far as it still holds for the caller: while the whole stream stays as it is, so does each room
   */
  roomEnd(room: string, known?: LastMessage, before?: RoomEnd): Promise<RoomEnd>;
  /** Reads one page of the room's messages at or after `from`, bounded in messages and bytes. */
  readHistory(room: string, from: number): Promise<HistoryRead>;
  /**
   * Whether the stream still holds every message, of any room, that it ever had behind `after` up to and including `upto`.
   * False also when that cannot be said.
   */
  isIntact(after: number, upto: number): Promise<boolean>;
  /**
   * Whether the stream has stored a message at `seq` or behind it that is only not here yet: what is read may be a copy that lags.
   * Asked when every answer so far ends before `seq`.
   */
  isYetToCome(seq: number): Promise<boolean>;
  /** The position just before the first message that `start` asks for; at most the room's end. */
  locate(room: string, start: StreamStart): Promise<number>;
}
