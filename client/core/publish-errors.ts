import { isKnownReason } from '../../protos/reasons.ts';
import { status } from '../../protos/status-codes.ts';
import { LiveError } from './errors.ts';
import type { Pending } from './pending-publish.ts';

/* What a publish fails with. It tells what is certainly not stored from what may have been. */

const RETRY_IS_SAFE = 'publishing again with the same key is safe';

/** Reasons that leave open whether the message was stored. */
const DOUBTFUL: ReadonlySet<string> = new Set([
  'PUBLISH_OUTCOME_UNKNOWN',
  'DEADLINE_EXCEEDED',
  'INTERNAL_ERROR',
  'UNSPECIFIED',
]);

/** Whether a refusal for this reason leaves that open. One that a later version of the contract has added may do so, too. */
export const leavesOpen = (reason: string): boolean => DOUBTFUL.has(reason) || !isKnownReason(reason);

/** Whether the message may have been stored, as far as is known. */
export const isInDoubt = ({ progress, past }: Pending): boolean =>
  progress.kind === 'sent' || past.kind === 'doubtful';

/**
 * For a publish whose time is up.
 * @param connected whether there is a gateway to send it to
 */
export function timedOut(pending: Pending, connected: boolean): LiveError {
  const { timeoutMs, message } = pending.order;
  if (isInDoubt(pending)) return unknownOutcome(pending, `no answer within ${timeoutMs} ms`);
  if (pending.past.kind === 'refused') return pending.past.error;
  const missing = connected ? 'results of earlier publishes' : 'gateway';
  return new LiveError(status.UNAVAILABLE, `not sent: no ${missing} within ${timeoutMs} ms`, {
    key: message.key,
  });
}

/** For a publish that its caller gave up. */
export function aborted(pending: Pending): LiveError {
  const { signal, message } = pending.order;
  const cause: unknown = signal?.reason;
  if (isInDoubt(pending)) return unknownOutcome(pending, 'given up', { cause });
  const { past } = pending;
  if (past.kind !== 'refused') return notSent(message.key, cause);
  const { reason } = past.error;
  const text = `given up; until then: ${past.error.message}`;
  return new LiveError(status.CANCELLED, text, { reason, key: message.key, cause });
}

/** For a publish that was given up before the first attempt. */
export function notSent(key: string, cause: unknown): LiveError {
  return new LiveError(status.CANCELLED, 'given up before it was sent', { key, cause });
}

/** For one more publish that the same error ends. */
export function withKey(cause: LiveError, key: string): LiveError {
  return new LiveError(cause.code, cause.message, { reason: cause.reason, key, cause });
}

/** For a publish that may have been stored: PUBLISH_OUTCOME_UNKNOWN. */
export function unknownOutcome(
  { order }: Pending,
  what: string,
  { advice = RETRY_IS_SAFE, cause }: { advice?: string; cause?: unknown } = {},
): LiveError {
  return new LiveError(status.UNAVAILABLE, `${what}; the message may have been published; ${advice}`, {
    reason: 'PUBLISH_OUTCOME_UNKNOWN',
    key: order.message.key,
    cause,
  });
}
