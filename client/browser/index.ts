export type { BackoffLimits } from '../../common/backoff.ts';
export type { Clock, Timer } from '../../common/clock.ts';
export type { Random } from '../../common/random.ts';
export type { CoreClient, CoreClientOptions, LiveClientEvents } from '../core/client.ts';
export type {
  BackoffState,
  ClosedState,
  Connected,
  ConnectingState,
  ConnectionState,
  IdleState,
  LiveState,
  MovingState,
  Since,
  SuspectState,
} from '../core/connection-state.ts';
export type { Counters } from '../core/counters.ts';
export type { Cursor } from '../core/cursor.ts';
export type { CursorStore } from '../core/cursor-store.ts';
export { MemoryCursorStore } from '../core/cursor-store.ts';
export type { Emitter, Listener } from '../core/emitter.ts';
export type { LiveErrorDetails, Reason } from '../core/errors.ts';
export { LiveError } from '../core/errors.ts';
export type { Logger } from '../core/logger.ts';
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
} from '../core/messages.ts';
export type {
  ClientOptions,
  From,
  JoinOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
  RoomOptions,
} from '../core/options.ts';
export type { Cluster } from '../core/places.ts';
export type { PublishResult } from '../core/publish-order.ts';
export type { PullEvent } from '../core/pull.ts';
export type { RoomInfo } from '../core/room-info.ts';
export type { RoomSubscription } from '../core/subscription.ts';
export type { TokenSource } from '../core/tokens.ts';
export type { CallOptions, IncomingFrame, Link, LinkHandlers, Transport } from '../core/transport.ts';
export type { Upstream, UpstreamCause } from '../core/upstream.ts';
export type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
export type { DeliveryClass } from '../../protos/vocabulary.ts';
export { IndexedDbCursorStore } from './indexed-db-cursor-store.ts';
export type { BrowserClientOptions } from './live-client.ts';
export { LiveClient } from './live-client.ts';
