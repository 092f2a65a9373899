/**
 * What a run leaves behind for the oracle: what was published, and what reached each viewer's application, in order.
 * Times are milliseconds of one clock, any clock. Sequences are numbers, not bigints: a run may hold twenty million
 * of them. `seqOf` refuses those that a number cannot hold.
 */
export interface History {
  /** Every acknowledged message as the streams hold it; in any order, one entry or more a message. */
  readonly published: Iterable<PublishedMessage>;
  /**
   * Messages of which nobody knows whether they were stored. They may appear, once. Given, it says that the record of
   * publishers is complete: a message that is neither acknowledged nor here is a phantom.
   */
  readonly unknown?: Iterable<UnknownMessage>;
  /** Rewinds of streams, in order of time. */
  readonly rewinds?: Iterable<Rewind>;
  readonly viewers: Iterable<ViewerHistory>;
  /** Heads of rooms when publishing had ended and every viewer had been given the time to get there. */
  readonly finalHeads?: ReadonlyMap<string, Place>;
  /** What undisturbed viewers may expect; absent: Isolated is not checked. */
  readonly isolation?: IsolationBounds;
  /** What is asked of what viewers and publishers are told; absent: Truthful is not checked. */
  readonly truth?: TruthBounds;
  /** What was impossible, and when. */
  readonly outages?: readonly Outage[];
  /** When the publishers' event loops stalled: an answer that was there in time may not have reached them. */
  readonly eventLoopStalls?: readonly TimeSpan[];
}

/** A place in a room's reliable messages: a sequence of a stream's incarnation. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** A place at which a viewer stood. */
export interface ViewerPlace extends Place {
  /**
   * It does not tell which of the stream's histories it is of: it names no message, or the stream has let go of what
   * another history had there.
   */
  readonly ambiguous?: boolean;
}

/** A stream was restored from an older copy of itself: what follows `after` is another history from then on. */
export interface Rewind {
  readonly epoch: string;
  readonly after: number;
  readonly atMs: number;
}

/** A message that the stream has acknowledged. */
export interface PublishedMessage extends Place {
  readonly room: string;
  /** As viewers see it (`Nats-Msg-Id`); empty when the publisher does not know it. */
  readonly id: string;
  /** When it was published, or when that was acknowledged if how long it took is nobody's business but the publisher's. */
  readonly atMs: number;
  /** When that was acknowledged; absent: nobody knows. */
  readonly ackedMs?: number;
  /** How often the stream had been rewound by then; 0 unless given. */
  readonly history?: number;
  /** The stream has never let go of it: a gap does not excuse its absence. */
  readonly kept?: boolean;
}

/** A message whose outcome the publisher never learned. */
export interface UnknownMessage {
  readonly room: string;
  readonly id: string;
  /** From the call to the answer that its outcome is unknown; absent: nobody knows. */
  readonly asked?: TimeSpan;
}

/** Bounds on what an undisturbed viewer may notice. */
export interface IsolationBounds {
  /** From publish to delivery, in milliseconds, once the viewer has caught up. */
  readonly maxLatencyMs: number;
}

/** Bounds on what a gateway may not know yet. */
export interface TruthBounds {
  /** It has noticed, and told, what is impossible after so many milliseconds. */
  readonly noticeMs: number;
  /** What it tells as the end of a room was that end at most so many milliseconds before it was asked. */
  readonly staleMs: number;
}

/** While this lasted, something was impossible for every gateway, for certain. */
export interface Outage extends TimeSpan {
  /** Causes of which one has to be told, names of `UpstreamCause`. */
  readonly causes: readonly string[];
  /** Nobody could ask for the end of a room. */
  readonly blind: boolean;
  /** Nothing could be stored. */
  readonly unstorable: boolean;
}

/** From and to are inclusive. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One viewer's run. */
export interface ViewerHistory {
  readonly viewer: string;
  /** In the order in which they reached the application. Read once. */
  readonly events: Iterable<ViewerEvent>;
  /** When a fault was on this viewer or on what it depends on, time to recover included. */
  readonly disturbed?: readonly TimeSpan[];
  /** When one was on this viewer's own link or device, without the time to recover. */
  readonly own?: readonly TimeSpan[];
}

/** What happened to a viewer in a room. */
export type RoomEvent = { readonly room: string; readonly atMs: number } & (
  | ({ readonly kind: 'joined'; readonly head: number; readonly outcome: Outcome } & ViewerPlace)
  | ({ readonly kind: 'message'; readonly prevSeq: number; readonly id: string } & ViewerPlace)
  | { readonly kind: 'gap'; readonly after: number; readonly next: number; readonly expected: boolean }
  | ({ readonly kind: 'reset'; readonly expected: boolean } & Place)
  | ({ readonly kind: 'caught-up' } & ViewerPlace)
  /** `ageMs`: how long ago it had been published, if that is known. */
  | { readonly kind: 'ephemeral'; readonly ageMs?: number }
  | { readonly kind: 'dropped'; readonly count: number }
  /** The gateway could not serve the room for now; the viewer joins it again after this. */
  | { readonly kind: 'retrying' }
  /**
   * The viewer's process ended and a new one goes on from the cursor it had stored, if any. Killed, it may not have
   * stored the last ones: what was delivered after the cursor then counts as not delivered.
   */
  | { readonly kind: 'restart'; readonly how: 'clean' | 'killed'; readonly cursor: Place | undefined }
  /** The viewer left with this cursor. */
  | { readonly kind: 'end'; readonly cursor: Place | undefined }
);

/** How a join was answered. */
export type Outcome = 'STARTED' | 'RESUMED' | 'GAP' | 'RESET';

/** The viewer's connection took on a state. */
export interface StateEvent {
  readonly kind: 'state';
  readonly atMs: number;
  readonly state: 'idle' | 'connecting' | 'live' | 'suspect' | 'moving' | 'backoff' | 'closed';
}

/** The viewer was told how its gateway stands with NATS. */
export interface UpstreamEvent {
  readonly kind: 'upstream';
  readonly atMs: number;
  readonly upstream: 'OK' | 'DEGRADED';
  /** Names of `UpstreamCause`; empty also when the viewer does not know. */
  readonly causes: readonly string[];
}

export type ViewerEvent = RoomEvent | StateEvent | UpstreamEvent;

/**
 * A sequence for a history.
 * @throws RangeError if it is too large for a number.
 */
export function seqOf(seq: bigint): number {
  if (seq > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`sequence ${seq} is too large for a history`);
  return Number(seq);
}
