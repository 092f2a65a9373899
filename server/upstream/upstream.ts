import type { FeedMessage, HistoryRead, RoomEnd } from '../log/evidence.ts';
import type { EphemeralMessage, LastMessage } from '../log/message.ts';

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
