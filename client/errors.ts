import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Reason } from '../protos/gen/live/v1/Reason.ts';
import { isKnownReason, reasons } from '../protos/reasons.ts';
import { reasonMetadataKey } from '../protos/vocabulary.ts';

/** Statuses that trying again with the same credentials cannot mend; they need no reason. */
const neverRetryStatus: ReadonlySet<number> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED]);

/** What a `LiveError` may carry beside its message. */
export interface LiveErrorDetails {
  reason?: Reason;
  /** The idempotency key of the publish that failed: trying again with it stores nothing twice. */
  key?: string;
  cause?: unknown;
}

/** Everything that fails in the client, whether the gateway said so or the client found out. */
export class LiveError extends Error {
  /** The gRPC status code. */
  readonly code: number;
  /** The gateway's stable reason; REASON_UNSPECIFIED when it gave none. */
  readonly reason: Reason;
  /** The idempotency key of a publish that failed. */
  readonly key: string | undefined;

  constructor(code: number, message: string, details: LiveErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'LiveError';
    this.code = code;
    this.reason = details.reason ?? 'REASON_UNSPECIFIED';
    this.key = details.key;
  }

  /** Whether the same request may succeed later, unchanged. */
  get retryable(): boolean {
    if (isKnownReason(this.reason)) return reasons[this.reason].retry !== 'never';
    return !neverRetryStatus.has(this.code);
  }

  /** The name of the status code, for example "UNAVAILABLE". */
  get codeName(): string {
    return status[this.code] ?? String(this.code);
  }
}

/** The error that a gRPC call ended with, with the gateway's reason from its trailing metadata. */
export function fromServiceError(error: ServiceError): LiveError {
  const [name] = error.metadata.get(reasonMetadataKey);
  const reason: Reason = typeof name === 'string' && isKnownReason(name) ? name : 'REASON_UNSPECIFIED';
  // grpc-js appends this even when it has no note to give.
  const details = (error.details || error.message).replace(/\. Resolution note: $/, '');
  return new LiveError(error.code, details, { reason, cause: error });
}
