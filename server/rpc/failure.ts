import { Metadata } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import { reasons } from '../../protos/reasons.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import { reasonMetadataKey } from '../../protos/vocabulary.ts';

/** A request that is refused, with its stable reason and what a person should do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly reason: KnownReason;

  constructor(reason: KnownReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  /** The gRPC status code that goes with the reason. */
  get code(): number {
    return reasons[this.reason].code;
  }

  /** The status that a call ends with: the reason travels in the trailing metadata. */
  toStatus(): StatusObject {
    const metadata = new Metadata();
    metadata.set(reasonMetadataKey, this.reason);
    return { code: reasons[this.reason].code, details: this.message, metadata };
  }
}

/** What any error is to the other side: failures as they are, everything else without its inner details. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('INTERNAL_ERROR', 'the gateway failed; reconnect and resume', { cause: error });
}
