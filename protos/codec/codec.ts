import type { ClientFrameInput } from '../gen/live/v1/ClientFrame.ts';
import type { GetRoomRequestInput } from '../gen/live/v1/GetRoomRequest.ts';
import type { GetRoomResponse } from '../gen/live/v1/GetRoomResponse.ts';
import type { PullRequestInput } from '../gen/live/v1/PullRequest.ts';
import type { PullResponse } from '../gen/live/v1/PullResponse.ts';
import type { ServerFrame } from '../gen/live/v1/ServerFrame.ts';
import { SCHEMA } from '../gen/schema.ts';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { messageTypes } from './schema.ts';

/*
 * What a client encodes and decodes, to the same shapes as protos/live.ts, but small and without anything of Node's. Bytes are Uint8Array, whatever the
 * types in gen/ say, and views of what they were decoded from.
 */

const typeNamed = messageTypes(SCHEMA);

type Encode<T extends object> = (message: T) => Uint8Array;
/** Throws a MalformedError if the bytes are no such message. */
type Decode<T> = (bytes: Uint8Array) => T;

function encoder(name: string): (message: object) => Uint8Array {
  const type = typeNamed(name);
  return (message) => encodeMessage(type, message);
}

function decoder(name: string): (bytes: Uint8Array) => never {
  const type = typeNamed(name);
  return (bytes) => decodeMessage(type, bytes) as never;
}

export const encodeClientFrame: Encode<ClientFrameInput> = encoder('ClientFrame');
export const decodeServerFrame: Decode<ServerFrame> = decoder('ServerFrame');
export const encodeGetRoomRequest: Encode<GetRoomRequestInput> = encoder('GetRoomRequest');
export const decodeGetRoomResponse: Decode<GetRoomResponse> = decoder('GetRoomResponse');
export const encodePullRequest: Encode<PullRequestInput> = encoder('PullRequest');
export const decodePullResponse: Decode<PullResponse> = decoder('PullResponse');

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto */
interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
}
interface RetryInfo {
  readonly retryDelay: { readonly seconds: string; readonly nanos: number } | null;
}
export const decodeErrorInfo: Decode<ErrorInfo> = decoder('ErrorInfo');
export const decodeRetryInfo: Decode<RetryInfo> = decoder('RetryInfo');
