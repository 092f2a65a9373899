import type { BackoffLimits } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { StartInput } from '../../protos/gen/live/v1/Start.ts';
import type { DeliveryClass } from '../../protos/vocabulary.ts';
import type { Cursor } from './cursor.ts';
import type { CursorStore } from './cursor-store.ts';
import type { Logger } from './logger.ts';
import type { TokenSource } from './tokens.ts';

/** How long a call or a publish may take unless the application says otherwise, in milliseconds. */
export const DEFAULT_CALL_TIMEOUT_MS = 10_000;

/** Delays between attempts unless the application says otherwise. */
export const defaultBackoff: BackoffLimits = { baseMs: 250, maxMs: 10_000 };

/** How a client is made, whatever its transport. Durations are in milliseconds. */
export interface ClientOptions {
  /**
   * Gateways as host:port, https://host[:port] or http://host[:port], or wss://host[:port] or ws://host[:port] for WebSocket, at least one: tried in random order,
   * those that failed in the last minute after the others.
   */
  readonly endpoints: readonly string[];
  /** Who the viewer is, where gateways ask for it. A string that has expired ends the client; a function is asked for another. */
  readonly token?: TokenSource;
  /** Name and version of the application, for the gateway's logs. */
  readonly clientName?: string;
  /** How the gateway may compress batches: less to transfer, more to do at both ends. Default 'none'. */
  readonly compression?: 'none' | 'deflate';
  /**
   * The largest frame that is taken from the gateway, in bytes: a message whose frame would be larger comes without payload.
   * Default: none that NATS stores is too large.
   */
  readonly maxFrameBytes?: number;
  /** Where cursors of rooms joined with a `cursorName` are kept; in memory unless given. The caller closes it. */
  readonly cursorStore?: CursorStore;
  /** Delay between attempts: uniform below `baseMs`, doubled with each failure up to `maxMs`. */
  readonly backoff?: BackoffLimits;
  /** From the beginning of a connection to the gateway's Welcome, and how long a room's token may take to come. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How long a probe may stay unanswered before the connection is given up. Default 2,000. */
  readonly probeTimeoutMs?: number;
  /**
   * The gateway promises a frame every `heartbeat_ms`; silence is suspicious after `heartbeat_ms *
   * silenceFactor` and 250 ms. Default 2. A dead connection is so given up within
   * `heartbeat_ms * silenceFactor + 250 + probeTimeoutMs` of the last frame; a part of a frame makes it wait for one more silence.
   */
  readonly silenceFactor?: number;
  /**
   * What may wait between a room and the application, in bytes of frames: the gateway then sends no more of that room, and drops
   * and counts its ephemeral messages. Results of publishes and all other rooms flow. Default 1 MiB.
   */
  readonly roomWindowBytes?: number;
  /** Publishes that may wait for a connection or a result. Default 1,024. */
  readonly maxPendingPublishes?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Told what the client does about its connection and rooms. `console` is one. Default: nobody is. */
  readonly logger?: Logger;
}

/** Where a viewer without a cursor begins; `{ cursor }` is one kept by the application itself. */
export type From =
  | 'live'
  | 'earliest'
  | { readonly last: number }
  /** Milliseconds since the Unix epoch. */
  | { readonly sinceMs: number }
  | { readonly seq: bigint }
  | { readonly cursor: Cursor };

/** How a room is followed. */
export interface JoinOptions {
  /** Where to begin. A cursor found under `cursorName` goes before it, unless `ignoreStoredCursor`. Default 'live'. */
  readonly from?: From;
  /** Begin at `from` even if a cursor is found under `cursorName`. */
  readonly ignoreStoredCursor?: boolean;
  /** After a gap or reset was told: go on with what there is (default), or end without moving the cursor. */
  readonly onGap?: 'continue' | 'stop';
  /** The name under which the cursor store keeps this room's cursor. Absent: nothing is kept. */
  readonly cursorName?: string;
  /** A token for this room, where that of the client does not allow it; of the same user. */
  readonly token?: TokenSource;
  /** Leaves the room when it is aborted, like `leave`; but the iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A message to publish. */
export interface OutgoingMessage {
  readonly type: string;
  /** Needed for types that are not known by name. */
  readonly class?: DeliveryClass;
  /** Sent as it is; a string as UTF-8. */
  readonly payload: Uint8Array | string;
  readonly sender?: string;
  /** Idempotency key: the same room, sender and key are stored once. Made up when absent or empty. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long and how far to try. */
export interface PublishOptions {
  /** In milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Gives the publish up: it rejects with a `LiveError` whose `cause` is the signal's reason. What was sent may happen nevertheless. */
  readonly signal?: AbortSignal;
  /**
   * Send a reliable message only when all that this client published to the room before have their results, and later ones only
   * when it has: the stream then has them in the order of the calls, whatever fails. Costs a round trip to the stream each.
   *
   * Without it (default) they are sent in that order, and stored so as long as no attempt fails: when one is refused for now or not
   * acknowledged, those of the next 256 that were on their way already may be stored before it. One that was given up (by time-out or
   * signal) and in flight when the connection was lost may be stored later than what follows it, in both cases.
   */
  readonly ordered?: boolean;
}

/** Which range to pull. */
export interface PullOptions {
  /** Where to begin; or everything after a sequence, unverified. Default 'earliest'. */
  readonly from?: From | { readonly afterSeq: bigint };
  /** At most so many messages, at least 1; up to the head unless given. */
  readonly limit?: number;
  /** How long an endpoint may take for each part of its answer. Default 10,000. */
  readonly timeoutMs?: number;
  /** Gives the pull up at once: the iterator throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How a room is asked about. */
export interface RoomOptions {
  /** How long each endpoint may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Gives the question up at once: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The start in a Join or PullRequest. */
export function startOf(from: Exclude<From, { cursor: Cursor }>): StartInput {
  if (from === 'live') return { live: {} };
  if (from === 'earliest') return { earliest: {} };
  if ('last' in from) return { last: from.last };
  if ('sinceMs' in from) return { sinceMs: from.sinceMs };
  return { seq: String(from.seq) };
}
