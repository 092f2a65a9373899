import type { Ephemeral as WireEphemeral } from '../../protos/gen/live/v1/Ephemeral.ts';
import type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
import type { _live_v1_Gap_Cause as WireGapCause } from '../../protos/gen/live/v1/Gap.ts';
import type { _live_v1_Joined_Outcome as WireOutcome } from '../../protos/gen/live/v1/Joined.ts';
import type { Message as WireMessage } from '../../protos/gen/live/v1/Message.ts';
import type { _live_v1_Reset_Cause as WireResetCause } from '../../protos/gen/live/v1/Reset.ts';
import type { Cursor } from './cursor.ts';
import type { LiveError } from './errors.ts';
import type { RoomState } from './room-state.ts';

/** Why messages are gone. */
export type GapCause = Unprefixed<'CAUSE', WireGapCause> | UnknownValue;
/** How a join began. One of a later version of the contract is like RESUMED: what changes is told by events of its own. */
export type JoinOutcome = Unprefixed<'OUTCOME', WireOutcome> | UnknownValue;
/** What became of the history. */
export type ResetCause = Unprefixed<'CAUSE', WireResetCause> | UnknownValue;

/** A reliable message. */
export interface Message {
  readonly seq: bigint;
  /** Sequence of the room's previous message; 0 when there was none. */
  readonly prevSeq: bigint;
  /** Fingerprint of this message, for the cursor that names it. */
  readonly fingerprint: number;
  /** The publisher's identifier; empty when it gave none. */
  readonly id: string;
  /** Empty when a foreign producer gave none. */
  readonly type: string;
  readonly sender: string;
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Size of the payload, in bytes, if payload and headers were left out because they are larger than this client takes; undefined
   * otherwise. See `LiveClientOptions.maxFrameBytes`.
   */
  readonly omittedBytes?: number;
}

/** A message that was only worth having now. */
export type EphemeralMessage = Omit<Message, 'seq' | 'prevSeq' | 'fingerprint' | 'id' | 'omittedBytes'>;

/** Where the viewer stands before the first message. Comes again after every reconnect. */
export interface JoinedEvent {
  readonly kind: 'joined';
  readonly room: string;
  readonly cursor: Cursor;
  /** Sequence of the room's newest message. */
  readonly head: bigint;
  readonly outcome: JoinOutcome;
}

export interface MessageEvent {
  readonly kind: 'message';
  readonly room: string;
  readonly message: Message;
  /** Names this message: a viewer that joins with it gets everything after. */
  readonly cursor: Cursor;
}

export interface EphemeralEvent {
  readonly kind: 'ephemeral';
  readonly room: string;
  readonly message: EphemeralMessage;
}

/** The room has so many viewers over all gateways. */
export interface AudienceEvent {
  readonly kind: 'audience';
  readonly room: string;
  readonly count: number;
}

/** So many ephemeral messages did not come, because the gateway or this client was under pressure. */
export interface DroppedEvent {
  readonly kind: 'dropped';
  readonly room: string;
  readonly count: number;
}

/** Reliable messages between `after` and `next` (both exclusive of what is held) are gone for good. */
export interface GapEvent {
  readonly kind: 'gap';
  readonly room: string;
  readonly after: bigint;
  readonly next: bigint;
  readonly cause: GapCause;
  readonly cursor: Cursor;
}

/** The stream's history is another one; what the viewer had before may not be part of it. */
export interface ResetEvent {
  readonly kind: 'reset';
  readonly room: string;
  readonly cause: ResetCause;
  readonly cursor: Cursor;
}

/** The replay is over: what comes now is live. */
export interface CaughtUpEvent {
  readonly kind: 'caught-up';
  readonly room: string;
  readonly cursor: Cursor;
}

/** What the room is like: before its first message, and whenever a command has changed it, behind that. Only of gateways that keep it (`--room-state`). */
export interface RoomStateEvent {
  readonly kind: 'room-state';
  readonly room: string;
  readonly state: RoomState;
}

/** The gateway could not serve the room for now; the client joins again after `delayMs`. */
export interface RetryingEvent {
  readonly kind: 'retrying';
  readonly room: string;
  readonly error: LiveError;
  readonly delayMs: number;
}

/** What a joined room gives to the application, in order. */
export type RoomEvent =
  | JoinedEvent
  | MessageEvent
  | EphemeralEvent
  | AudienceEvent
  | DroppedEvent
  | GapEvent
  | ResetEvent
  | CaughtUpEvent
  | RoomStateEvent
  | RetryingEvent;

/** The reliable message in a frame. */
export function messageFromWire(wire: WireMessage): Message {
  return {
    seq: BigInt(wire.seq),
    prevSeq: BigInt(wire.prevSeq),
    fingerprint: wire.fingerprint,
    id: wire.id,
    type: wire.type,
    sender: wire.sender,
    timeMs: Number(wire.timeMs),
    payload: wire.payload,
    headers: wire.headers,
    ...(wire.omittedBytes === undefined ? {} : { omittedBytes: wire.omittedBytes }),
  };
}

/** The ephemeral message in a frame. */
export function ephemeralFromWire(wire: WireEphemeral): EphemeralMessage {
  return {
    type: wire.type,
    sender: wire.sender,
    timeMs: Number(wire.timeMs),
    payload: wire.payload,
    headers: wire.headers,
  };
}
