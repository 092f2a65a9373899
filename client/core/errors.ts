import type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { Reason as WireReason } from '../../protos/gen/live/v1/Reason.ts';
import type { Refusal } from '../../protos/gen/live/v1/Refusal.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import { isKnownReason, reasons } from '../../protos/reasons.ts';
import { status, statusName } from '../../protos/status-codes.ts';

/** A stable reason of the gateway's; UNSPECIFIED when it gave none. One that this version does not know is for people to read. */
export type Reason = Unprefixed<'REASON', WireReason> | UnknownValue;

/** Statuses that trying again unchanged cannot mend, whoever they come from. */
const neverRetryStatus: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNAUTHENTICATED,
]);

/** From a gateway, which says why, these are final too; a proxy says them while what is behind it is exchanged. */
const neverRetryWithReason: ReadonlySet<number> = new Set([status.NOT_FOUND, status.UNIMPLEMENTED]);

/** What a `LiveError` may carry beside its message. */
export interface LiveErrorDetails {
  reason?: Reason;
  /** When the gateway says that the same request may be sent again, in milliseconds; `never`, or undefined if it does not say. */
  retryAfterMs?: number | 'never' | undefined;
  /** The idempotency key of the publish that failed: trying again with it stores nothing twice. */
  key?: string | undefined;
  cause?: unknown;
}

/** Everything that fails in the client, whether the gateway said so or the client found out. */
export class LiveError extends Error {
  /** The gRPC status code. */
  readonly code: number;
  /** The gateway's stable reason; UNSPECIFIED when it gave none. */
  readonly reason: Reason;
  /** The least time before the same request is sent again, in milliseconds. */
  readonly retryAfterMs: number;
  /** The idempotency key of a publish that failed. */
  readonly key: string | undefined;
  readonly #retry: number | 'never' | undefined;

  constructor(code: number, message: string, details: LiveErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'LiveError';
    this.code = code;
    this.reason = details.reason ?? 'UNSPECIFIED';
    this.key = details.key;
    this.#retry = details.retryAfterMs;
    this.retryAfterMs = typeof details.retryAfterMs === 'number' ? details.retryAfterMs : 0;
  }

  /** Whether the same request may succeed later, unchanged: as the gateway says, by the reason, or else by the status code. */
  get retryable(): boolean {
    if (this.#retry !== undefined) return this.#retry !== 'never';
    if (isKnownReason(this.reason)) return reasons[this.reason].retry !== 'never';
    if (neverRetryStatus.has(this.code)) return false;
    return this.reason === 'UNSPECIFIED' || !neverRetryWithReason.has(this.code);
  }

  /** The name of the status code, for example "UNAVAILABLE". */
  get codeName(): string {
    return statusName(this.code);
  }
}

/** Whether a refusal is of the token alone: with another one all may be well. */
export const tokenIsSpent = ({ reason }: LiveError): boolean =>
  reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_REVOKED';

/** What whoever still waits for something is told when the application has closed the client. */
export function clientClosed(): LiveError {
  return new LiveError(status.CANCELLED, 'the client is closed');
}

/** What a cursor store failed with. */
export function cursorStoreFailed(cause: unknown): LiveError {
  if (cause instanceof LiveError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new LiveError(status.INTERNAL, `the cursor store failed: ${detail}`, { cause });
}

/** The error that a frame tells of. */
export function fromRefusal(refusal: Refusal, key?: string): LiveError {
  const { code, message, retryAfterMs } = refusal;
  const reason = unprefixed('REASON', refusal.reason);
  return new LiveError(code, message, { reason, retryAfterMs: retryAfterMs ?? 'never', key });
}

/** A reason by its name, as calls tell it; one that this version does not know is treated like one that comes as a number. */
export function reasonNamed(name: string): Reason {
  if (isKnownReason(name)) return name satisfies KnownReason;
  return name === '' ? 'UNSPECIFIED' : (name as Reason);
}
