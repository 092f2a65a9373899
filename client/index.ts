export type { BackoffLimits } from '../common/backoff.ts';
export type { LiveClientEvents, RoomInfo } from './core/client.ts';
export { LiveClient } from './core/client.ts';
export type {
  BackoffState,
  ClosedState,
  ConnectingState,
  ConnectionState,
  IdleState,
  LiveState,
  MovingState,
  SuspectState,
} from './core/connection-state.ts';
export type { Counters } from './core/counters.ts';
export type { Cursor } from './core/cursor.ts';
export type { CursorStore } from './core/cursor-store.ts';
export { MemoryCursorStore } from './core/cursor-store.ts';
export type { LiveErrorDetails, Reason } from './core/errors.ts';
export { LiveError } from './core/errors.ts';
export type { KeepaliveOptions } from './transports/grpc/transport.ts';
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
} from './core/messages.ts';
export type {
  From,
  JoinOptions,
  LiveClientOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
} from './core/options.ts';
export type { Cluster } from './core/places.ts';
export { Places } from './core/places.ts';
export type { PublishResult } from './core/publisher.ts';
export type { PullEvent } from './core/pull.ts';
export type { SqliteCursorStoreOptions } from './stores/sqlite-cursor-store.ts';
export { SqliteCursorStore } from './stores/sqlite-cursor-store.ts';
export type { RoomSubscription } from './core/subscription.ts';
export type { Upstream, UpstreamCause } from './core/upstream.ts';
