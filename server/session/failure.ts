import { prefixed } from '../../protos/enum-names.ts';
import type { RefusalInput } from '../../protos/gen/live/v1/Refusal.ts';
import { reasons, retryAfterMs } from '../../protos/reasons.ts';
import type { KnownReason } from '../../protos/reasons.ts';

/** A request that is refused, with its stable reason and what a person should do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly reason: KnownReason;
  /** For so long nothing more is to be read of the stream that asked for it, in milliseconds. */
  readonly pauseMs: number;
  readonly #retryAfterMs: number | undefined;

  /**
   * Without a stack: what was refused is not where something went wrong, and most of what a refusal costs would be that.
   * @param options `retryAfterMs`: when it may be sent again, if that is known better than by the reason; `pauseMs`: none if absent
   */
  constructor(
    reason: KnownReason,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number; readonly pauseMs?: number } = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
    this.pauseMs = options.pauseMs ?? 0;
    this.#retryAfterMs = options.retryAfterMs;
  }

  /** The status code that goes with the reason, as gRPC numbers them. */
  get code(): number {
    return reasons[this.reason].code;
  }

  /** When the same request may be sent again, in milliseconds; undefined: never. */
  get retryAfterMs(): number | undefined {
    return this.#retryAfterMs ?? retryAfterMs(this.reason);
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
