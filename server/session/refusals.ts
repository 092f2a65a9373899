import { TooManyWaiting } from '../../common/turns.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { AuditLog } from '../observability/audit-log.ts';
import type { Logger } from '../observability/logging.ts';
import { TokenError } from '../auth/token-error.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { Failure } from './failure.ts';

const NOWHERE: Pick<AuditLog, 'refusal'> = { refusal: () => undefined };

/** Why a connection was refused or ended as a whole. Nobody is told by it but the log and the metrics. */
export type ConnectionReason =
  | 'CONNECTION_LIMIT'
  | 'ADDRESS_CONNECTION_LIMIT'
  | 'CONTROL_FRAMES'
  | 'STREAM_RESETS'
  | 'SUSPECT_ADDRESS'
  | 'ORIGIN_NOT_ALLOWED';

/** What refusals are counted by. */
type CountedReason = KnownReason | ConnectionReason;

/** Tells what is refused, and counts it by its reason, over all that a gateway refuses. */
export class Refusals {
  readonly #logger: Logger;
  readonly #audit: Pick<AuditLog, 'refusal'>;
  readonly #counts = new Map<CountedReason, number>();

  /** @param audit where refusals are put on record; absent: nowhere */
  constructor(logger: Logger, audit: Pick<AuditLog, 'refusal'> = NOWHERE) {
    this.#logger = logger;
    this.#audit = audit;
  }

  /** How often each reason was given. */
  get counts(): ReadonlyMap<CountedReason, number> {
    return this.#counts;
  }

  /** Counts a refusal that is told to nobody, or by other means than {@link refuse}. */
  count(reason: CountedReason): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  /**
   * What the other side is told of an error; what it is not told goes to the log: a fault of ours as an error, everything
   * else for those who look closely.
   * @param facts what the log says of the request
   */
  refuse(error: unknown, facts: Readonly<Record<string, unknown>>, message: string): Failure {
    const failure = toFailure(error);
    this.count(failure.reason);
    const level = failure.reason === 'INTERNAL_ERROR' ? 'error' : 'debug';
    this.#logger[level]({ ...facts, err: failure }, message);
    const bearer = error instanceof TokenError ? error.bearer : undefined;
    this.#audit.refusal(failure.reason, { ...facts, ...bearer, text: failure.message });
    return failure;
  }
}

/** Failures are told as they are, everything else without its inner details. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof TokenError) return new Failure(error.reason, error.message, { cause: error });
  if (error instanceof UpstreamError) {
    return new Failure('UPSTREAM_UNAVAILABLE', 'NATS cannot be asked now, try again later', { cause: error });
  }
  if (error instanceof TooManyWaiting) {
    return new Failure('OVERLOADED', 'too many joins or look-ups wait already: try again later', {
      cause: error,
    });
  }
  return new Failure('INTERNAL_ERROR', 'the gateway failed; reconnect and resume', { cause: error });
}
