import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { MAX_BESIDE_PAYLOAD_BYTES } from '../../../protos/beside-payload.ts';
import { REASON_METADATA_KEY } from '../../../protos/vocabulary.ts';
import { Failure } from '../../session/failure.ts';
import type { Refusals } from '../../session/refusals.ts';
import { statusOf } from './status.ts';

type SendStatus = ServerInterceptingCallInterface['sendStatus'];
/** `served`: the call was served before it is refused. */
type Status = Parameters<SendStatus>[0] & { readonly served?: boolean };

/** What grpc-js refuses by itself, before a handler is asked, and what it is in the terms of the contract. */
const REFUSALS: readonly { readonly code: status; readonly details: RegExp; readonly failure: Failure }[] = [
  {
    code: status.RESOURCE_EXHAUSTED,
    details: /beside its payload/,
    failure: new Failure(
      'REQUEST_TOO_LARGE',
      `a request or frame has more than ${MAX_BESIDE_PAYLOAD_BYTES} bytes beside the payload: send fewer or shorter fields`,
    ),
  },
  {
    code: status.RESOURCE_EXHAUSTED,
    details: /larger than/,
    failure: new Failure('REQUEST_TOO_LARGE', 'a request or frame is larger than 4 MiB: send less at once'),
  },
  {
    code: status.RESOURCE_EXHAUSTED,
    details: /compressed/,
    failure: new Failure(
      'COMPRESSION_UNSUPPORTED',
      'requests and frames are taken as they are: send them without compression (grpc-encoding: identity)',
    ),
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
 * Gives the refusals that grpc-js makes of its own the same reason and details as ours have, and counts them. It sends them by the call's own
 * `sendStatus`, beneath all interceptors.
 * @param pace has a refusal of a call sent, now or later
 */
export function refusalExplainer(
  refusals: Refusals,
  pace: (call: ServerInterceptingCallInterface, send: () => void) => void,
): (call: ServerInterceptingCallInterface) => void {
  /** One function for all calls: a closure would take memory for each viewer. */
  function sendExplained(this: ServerInterceptingCallInterface, sent: Status): void {
    const refusal = refusalOf(sent);
    if (refusal !== undefined) refusals.count(refusal.reason);
    const { sendStatus } = Object.getPrototypeOf(this) as { sendStatus: SendStatus };
    const send = (): void => sendStatus.call(this, refusal === undefined ? sent : statusOf(refusal));
    // Who was served asks for nothing by being told why he goes.
    if (sent.code === status.OK || sent.served === true) send();
    else pace(this, send);
  }
  return (call) => {
    call.sendStatus = sendExplained;
  };
}

/** What grpc-js refuses with this status; undefined when that is not its own. */
function refusalOf({ code, details, metadata }: Status): Failure | undefined {
  if (metadata !== null && metadata !== undefined && metadata.get(REASON_METADATA_KEY).length > 0)
    return undefined;
  return REFUSALS.find((known) => known.code === code && known.details.test(details))?.failure;
}
