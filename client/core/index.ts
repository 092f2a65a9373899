/* What applications have of the client, wherever it runs. */
export type { BackoffLimits } from '../../common/backoff.ts';
export type { Clock, Timer } from '../../common/clock.ts';
export type { Random } from '../../common/random.ts';
export type { CoreClient, CoreClientOptions, LiveClientEvents } from './client.ts';
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
} from './connection-state.ts';
export type { Counters } from './counters.ts';
export type { Cursor } from './cursor.ts';
export type { CursorStore } from './cursor-store.ts';
export { MemoryCursorStore } from './cursor-store.ts';
export type { Emitter, Listener } from './emitter.ts';
export type { LiveErrorDetails, Reason } from './errors.ts';
export { LiveError } from './errors.ts';
export type { Logger } from './logger.ts';
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
  RoomStateEvent,
} from './messages.ts';
export type {
  ClientOptions,
  From,
  JoinOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
  RoomOptions,
} from './options.ts';
export type { Cluster } from './places.ts';
export type { PublishResult } from './publish-order.ts';
export type { PullEvent } from './pull.ts';
export type { RoomInfo } from './room-info.ts';
export type { RoomState, ShownMessage } from './room-state.ts';
export type { RoomSubscription } from './subscription.ts';
export type { TokenSource } from './tokens.ts';
export type { CallOptions, IncomingFrame, Link, LinkHandlers, Transport } from './transport.ts';
export type { Upstream, UpstreamCause } from './upstream.ts';
export type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
export type { DeliveryClass } from '../../protos/vocabulary.ts';
