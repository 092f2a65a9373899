import type { Unprefixed } from './enum-names.ts';
import type { Reason } from './gen/live/v1/Reason.ts';
import type { StatusCode } from './status-codes.ts';
import { status } from './status-codes.ts';

/** Whether the same request may be sent again: never, after a backoff, or on a new connection (resuming). */
export type Retry = 'never' | 'backoff' | 'reconnect';

/** A reason that says something, without the prefix that it has on the wire. */
export type KnownReason = Exclude<Unprefixed<'REASON', Reason>, 'UNSPECIFIED'>;

/** The gRPC status that goes with each reason, and whether to retry. The table of docs/protocol.md. */
export const reasons: Readonly<Record<KnownReason, { readonly code: StatusCode; readonly retry: Retry }>> = {
  ROOM_NAME_INVALID: { code: status.INVALID_ARGUMENT, retry: 'never' },
  MALFORMED_FRAME: { code: status.INVALID_ARGUMENT, retry: 'never' },
  MESSAGE_INVALID: { code: status.INVALID_ARGUMENT, retry: 'never' },
  TYPE_UNKNOWN: { code: status.INVALID_ARGUMENT, retry: 'never' },
  CLASS_CONFLICT: { code: status.INVALID_ARGUMENT, retry: 'never' },
  PAYLOAD_TOO_LARGE: { code: status.INVALID_ARGUMENT, retry: 'never' },
  START_INVALID: { code: status.INVALID_ARGUMENT, retry: 'never' },
  REQUEST_INVALID: { code: status.INVALID_ARGUMENT, retry: 'never' },
  HELLO_EXPECTED: { code: status.FAILED_PRECONDITION, retry: 'never' },
  HELLO_REPEATED: { code: status.FAILED_PRECONDITION, retry: 'never' },
  ALREADY_JOINED: { code: status.FAILED_PRECONDITION, retry: 'never' },
  NOT_JOINED: { code: status.FAILED_PRECONDITION, retry: 'never' },
  PUBLISH_FORBIDDEN: { code: status.FAILED_PRECONDITION, retry: 'never' },
  MODERATION_UNAVAILABLE: { code: status.FAILED_PRECONDITION, retry: 'never' },
  ROOM_CLOSED: { code: status.FAILED_PRECONDITION, retry: 'never' },
  ROOM_UNKNOWN: { code: status.NOT_FOUND, retry: 'never' },
  TOO_MANY_ROOMS: { code: status.RESOURCE_EXHAUSTED, retry: 'never' },
  TOO_MANY_PUBLISHES: { code: status.RESOURCE_EXHAUSTED, retry: 'backoff' },
  STREAM_FULL: { code: status.RESOURCE_EXHAUSTED, retry: 'backoff' },
  REQUEST_TOO_LARGE: { code: status.RESOURCE_EXHAUSTED, retry: 'never' },
  RATE_LIMITED: { code: status.RESOURCE_EXHAUSTED, retry: 'backoff' },
  OVERLOADED: { code: status.RESOURCE_EXHAUSTED, retry: 'backoff' },
  RECEIVE_LIMIT: { code: status.RESOURCE_EXHAUSTED, retry: 'backoff' },
  UPSTREAM_UNAVAILABLE: { code: status.UNAVAILABLE, retry: 'backoff' },
  STREAM_UNAVAILABLE: { code: status.UNAVAILABLE, retry: 'backoff' },
  PUBLISH_OUTCOME_UNKNOWN: { code: status.UNAVAILABLE, retry: 'backoff' },
  DRAINING: { code: status.UNAVAILABLE, retry: 'reconnect' },
  AUTHENTICATION_UNAVAILABLE: { code: status.UNAVAILABLE, retry: 'backoff' },
  REBALANCING: { code: status.UNAVAILABLE, retry: 'reconnect' },
  HELLO_TIMEOUT: { code: status.DEADLINE_EXCEEDED, retry: 'reconnect' },
  DEADLINE_EXCEEDED: { code: status.DEADLINE_EXCEEDED, retry: 'backoff' },
  FRAME_TIMEOUT: { code: status.DEADLINE_EXCEEDED, retry: 'backoff' },
  UNKNOWN_FRAME: { code: status.UNIMPLEMENTED, retry: 'never' },
  COMPRESSION_UNSUPPORTED: { code: status.UNIMPLEMENTED, retry: 'never' },
  TOKEN_MISSING: { code: status.UNAUTHENTICATED, retry: 'never' },
  TOKEN_INVALID: { code: status.UNAUTHENTICATED, retry: 'never' },
  TOKEN_EXPIRED: { code: status.UNAUTHENTICATED, retry: 'reconnect' },
  TOKEN_REVOKED: { code: status.UNAUTHENTICATED, retry: 'reconnect' },
  TOKEN_NOT_YET_VALID: { code: status.UNAUTHENTICATED, retry: 'backoff' },
  NOT_PERMITTED: { code: status.PERMISSION_DENIED, retry: 'never' },
  USER_BANNED: { code: status.PERMISSION_DENIED, retry: 'never' },
  DISCONNECTED: { code: status.PERMISSION_DENIED, retry: 'never' },
  ROOM_MUTED: { code: status.PERMISSION_DENIED, retry: 'never' },
  USER_MUTED: { code: status.PERMISSION_DENIED, retry: 'never' },
  INTERNAL_ERROR: { code: status.INTERNAL, retry: 'reconnect' },
};

/** Whether `name` is one of the reasons of this version of the protocol. */
export function isKnownReason(name: string): name is KnownReason {
  return Object.hasOwn(reasons, name);
}

/** The least time before a request that may succeed later is sent again, in milliseconds. Clients grow it with each failure. */
const RETRY_AFTER_MS = { backoff: 250, reconnect: 0 } as const;

/** When a request that was refused may be sent again, in milliseconds; undefined: never. */
export function retryAfterMs(reason: KnownReason): number | undefined {
  const { retry } = reasons[reason];
  return retry === 'never' ? undefined : RETRY_AFTER_MS[retry];
}
