import type { LiveError, Reason } from './errors.ts';

/** Common to every state. */
export interface Since {
  /** When the state began, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** Common to the states that have a connection. */
export interface Connected extends Since {
  readonly endpoint: string;
  /** Counts connections: whatever belongs to an older one is stale. */
  readonly generation: number;
}

/** Nothing has been asked of the client yet. */
export interface IdleState extends Since {
  readonly kind: 'idle';
}

/** Hello is under way and Welcome has not come. */
export interface ConnectingState extends Connected {
  readonly kind: 'connecting';
  /** Failures since a connection last gained something: a message, the result of a publish, or that every room has all there is. */
  readonly attempt: number;
}

/** Welcomed, and heard of lately. */
export interface LiveState extends Connected {
  readonly kind: 'live';
  /** The session's name in the gateway's logs. */
  readonly session: string;
  /** How long the gateway is silent at most, in milliseconds. */
  readonly heartbeatMs: number;
}

/** Silent for longer than the heartbeat allows; a probe is out. */
export interface SuspectState extends Connected {
  readonly kind: 'suspect';
  readonly session: string;
  readonly heartbeatMs: number;
  /** Silence before the probe, in milliseconds. */
  readonly silentMs: number;
}

/** The gateway asked this client to go elsewhere; it does so `afterMs` after `since`. */
export interface MovingState extends Connected {
  readonly kind: 'moving';
  readonly afterMs: number;
  readonly reason: Reason;
  readonly nextEndpoint: string;
}

/** No connection; the next attempt begins `delayMs` after `since`. */
export interface BackoffState extends Since {
  readonly kind: 'backoff';
  /** The same, this one included. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly cause: LiveError;
  readonly nextEndpoint: string;
}

/** Over, for good: by `close()`, or because of an error that trying again cannot mend. */
export interface ClosedState extends Since {
  readonly kind: 'closed';
  readonly cause: LiveError | undefined;
}

/** `idle → connecting → live → suspect → (live | backoff) → … → closed`; `moving` when the gateway drains. */
export type ConnectionState =
  IdleState | ConnectingState | LiveState | SuspectState | MovingState | BackoffState | ClosedState;
