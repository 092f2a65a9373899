import type { ServiceError } from '@grpc/grpc-js';
import { decodeStatusDetails, STATUS_DETAILS_KEY } from '../../../protos/status-details.ts';
import { status } from '../../../protos/status-codes.ts';
import { REASON_METADATA_KEY } from '../../../protos/vocabulary.ts';
import { LiveError, reasonNamed } from '../../core/errors.ts';

/** The error that a gRPC call ended with, with what the gateway's trailing metadata tells of it. */
export function fromServiceError(error: ServiceError): LiveError {
  const [bytes] = error.metadata.get(STATUS_DETAILS_KEY);
  const told = bytes instanceof Buffer ? decodeStatusDetails(bytes) : undefined;
  const [name] = error.metadata.get(REASON_METADATA_KEY);
  const reason = reasonNamed(told?.reason ?? String(name ?? ''));
  const retryAfterMs = told?.reason === undefined ? undefined : (told.retryAfterMs ?? 'never');
  // grpc-js appends this even when it has no note to give.
  const details = (error.details || error.message).replace(/\. Resolution note: $/, '');
  return new LiveError(error.code, details, { reason, retryAfterMs, cause: error });
}

/** The error for whatever the reading of a call failed with: gRPC's own errors have metadata, those of streams have none. */
export function fromCallError(error: unknown): LiveError {
  if (error instanceof LiveError) return error;
  if (error instanceof Error && 'metadata' in error) return fromServiceError(error as ServiceError);
  const detail = error instanceof Error ? error.message : String(error);
  return new LiveError(status.INTERNAL, `the call failed: ${detail}`, { cause: error });
}
