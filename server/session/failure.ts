import { prefixed } from '../../protos/enum-names.ts';
import type { RefusalInput } from '../../protos/gen/live/v1/Refusal.ts';
import { reasons, retryAfterMs } from '../../protos/reasons.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { Logger } from '../observability/logging.ts';
import { TokenError } from '../auth/token-error.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** A request that is refused, with its stable reason and what a person should do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly reason: KnownReason;

  constructor(reason: KnownReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  /** The status code that goes with the reason, as gRPC numbers them. */
  get code(): number {
    return reasons[this.reason].code;
  }

  /** When the same request may be sent again, in milliseconds; undefined: never. */
  get retryAfterMs(): number | undefined {
    return retryAfterMs(this.reason);
  }

  /** What a frame says of it. */
  toRefusal(): RefusalInput {
    const { code, message, reason, retryAfterMs: afterMs } = this;
    return {
      code,
      reason: prefixed('REASON', reason),
      message,
      ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
    };
  }
}

/**
 * What the other side is told of an error; what it is not told goes to the log: a fault of ours as an error, everything
 * else for those who look closely.
 * @param facts what the log says of the request
 */
export function refuse(
  logger: Logger,
  error: unknown,
  facts: Readonly<Record<string, unknown>>,
  message: string,
): Failure {
  const failure = toFailure(error);
  const level = failure.reason === 'INTERNAL_ERROR' ? 'error' : 'debug';
  logger[level]({ ...facts, err: failure }, message);
  return failure;
}

/** Failures are told as they are, everything else without its inner details. */
function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof TokenError) return new Failure(error.reason, error.message, { cause: error });
  if (error instanceof UpstreamError) {
    return new Failure('UPSTREAM_UNAVAILABLE', 'NATS cannot be asked now, try again later', { cause: error });
  }
  return new Failure('INTERNAL_ERROR', 'the gateway failed; reconnect and resume', { cause: error });
}
