import { Metadata } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import { encodeStatusDetails, STATUS_DETAILS_KEY } from '../../../protos/status-details.ts';
import { REASON_METADATA_KEY } from '../../../protos/vocabulary.ts';
import type { Failure } from '../../session/failure.ts';

/** The status that a call ends with: the reason, and when to try again, travel in the trailing metadata. */
export function statusOf({ code, message, reason, retryAfterMs }: Failure): StatusObject {
  const metadata = new Metadata();
  metadata.set(REASON_METADATA_KEY, reason);
  metadata.set(STATUS_DETAILS_KEY, encodeStatusDetails(code, message, { reason, retryAfterMs }));
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- ours are gRPC's numbers
  return { code, details: message, metadata };
}
