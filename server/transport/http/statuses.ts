import { reasons } from '../../../protos/reasons.ts';
import type { StatusCode, StatusName } from '../../../protos/status-codes.ts';
import { status, statusName } from '../../../protos/status-codes.ts';
import type { Failure } from '../../session/failure.ts';
import type { Problem } from './problem.ts';

/** The HTTP status for each status of gRPC, as the Connect protocol has them. The table of docs/http.md. */
export const HTTP_STATUS: Readonly<Record<StatusName, number>> = {
  OK: 200,
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** The HTTP status that a failure is told with. */
export function httpStatusOf({ reason }: Pick<Failure, 'reason'>): number {
  return HTTP_STATUS[nameOf(reasons[reason].code)];
}

/** What is told of a failure over HTTP. */
export function problemOf(failure: Failure): Problem {
  const { reason, message, retryAfterMs } = failure;
  return { status: httpStatusOf(failure), reason, detail: message, retryAfterMs };
}

function nameOf(code: StatusCode): StatusName {
  return statusName(code) as StatusName;
}

/** The name that the Connect protocol has for a status: `invalid_argument`. It spells one of them otherwise. */
export function connectCodeOf({ reason }: Pick<Failure, 'reason'>): string {
  const { code } = reasons[reason];
  return code === status.CANCELLED ? 'canceled' : nameOf(code).toLowerCase();
}
