import { statusDetails } from '../../../protos/status-details.ts';
import type { Failure } from '../../session/failure.ts';
import { connectCodeOf } from '../http/statuses.ts';

/** An error as the Connect protocol has it, to be told as JSON (https://connectrpc.com/docs/protocol#error-codes). */
export interface ConnectError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** What the Connect protocol tells of a failure: with the details that gRPC has. */
export function connectErrorOf(failure: Failure): ConnectError {
  const { message, reason, retryAfterMs } = failure;
  const details = statusDetails({ reason, retryAfterMs }).map(({ type, value }) => ({
    type,
    value: value.toString('base64').replace(/=+$/, ''),
  }));
  return { code: connectCodeOf(failure), message, details };
}
