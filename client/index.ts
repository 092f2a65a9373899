export type { BackoffLimits } from './backoff.ts';
export type { LiveClientEvents, RoomInfo } from './client.ts';
export { LiveClient } from './client.ts';
export type {
  BackoffState,
  ClosedState,
  ConnectingState,
  ConnectionState,
  IdleState,
  LiveState,
  MovingState,
  SuspectState,
} from './connection-state.ts';
export type { Counters } from './counters.ts';
export type { Cursor } from './cursor.ts';
export type { CursorStore } from './cursor-store.ts';
export { MemoryCursorStore } from './cursor-store.ts';
export type { LiveErrorDetails, Reason } from './errors.ts';
export { LiveError } from './errors.ts';
export type { KeepaliveOptions } from './grpc-transport.ts';
export type {
  AudienceEvent,
  CaughtUpEvent,
  DroppedEvent,
  EphemeralEvent,
  EphemeralMessage,
  GapCause,
  GapEvent,
  JoinedEvent,
  JoinOutcome,
  Message,
  MessageEvent,
  ResetCause,
  ResetEvent,
  RetryingEvent,
  RoomEvent,
} from './messages.ts';
export type {
  From,
  JoinOptions,
  LiveClientOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
} from './options.ts';
export type { Cluster } from './places.ts';
export { Places } from './places.ts';
export type { PublishResult } from './publisher.ts';
export type { PullEvent } from './pull.ts';
export type { SqliteCursorStoreOptions } from './sqlite-cursor-store.ts';
export { SqliteCursorStore } from './sqlite-cursor-store.ts';
export type { RoomSubscription } from './subscription.ts';
export type { Upstream, UpstreamCause } from './upstream.ts';
