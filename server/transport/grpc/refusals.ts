import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { REASON_METADATA_KEY } from '../../../protos/vocabulary.ts';
import { Failure } from '../../session/failure.ts';
import { statusOf } from './status.ts';

type SendStatus = ServerInterceptingCallInterface['sendStatus'];
type Status = Parameters<SendStatus>[0];

/** What grpc-js refuses by itself, before a handler is asked, and what it is in the terms of the contract. */
const REFUSALS: readonly { readonly code: status; readonly details: RegExp; readonly failure: Failure }[] = [
  {
    code: status.RESOURCE_EXHAUSTED,
    details: /larger than/,
    failure: new Failure('REQUEST_TOO_LARGE', 'a request or frame is larger than 4 MiB: send less at once'),
  },
  {
    code: status.INTERNAL,
    details: /deserializ|decompress|Invalid grpc-timeout/,
    failure: new Failure(
      'MALFORMED_FRAME',
      'the request cannot be decoded: check the version of the contract that the client was made for',
    ),
  },
  {
    code: status.DEADLINE_EXCEEDED,
    details: /./,
    failure: new Failure(
      'DEADLINE_EXCEEDED',
      'the deadline of the call has passed: give it more time, or try again',
    ),
  },
];

/**
 * Gives the refusals that grpc-js makes of its own the same reason and details as ours have. It sends them by the call's own
 * `sendStatus`, beneath all interceptors.
 */
export function explainRefusals(call: ServerInterceptingCallInterface): void {
  call.sendStatus = sendExplained;
}

/** One function for all calls: a closure would take memory for each viewer. */
function sendExplained(this: ServerInterceptingCallInterface, sent: Status): void {
  (Object.getPrototypeOf(this) as { sendStatus: SendStatus }).sendStatus.call(this, explained(sent));
}

function explained(sent: Status): Status {
  const { code, details, metadata } = sent;
  if (metadata !== null && metadata !== undefined && metadata.get(REASON_METADATA_KEY).length > 0)
    return sent;
  const refusal = REFUSALS.find((known) => known.code === code && known.details.test(details));
  return refusal === undefined ? sent : statusOf(refusal.failure);
}
