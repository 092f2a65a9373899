import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

/*
 * The error model of the gRPC ecosystem (https://google.aip.dev/193, https://grpc.io/docs/guides/error): `google.rpc.Status` in
 * trailing metadata, with details that every language's libraries can read.
 */

/** Trailing metadata key of an encoded `google.rpc.Status`. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

/** `ErrorInfo.domain` of every reason of this gateway. */
export const ERROR_DOMAIN = 'live-gateway';

/** What the details of a refusal tell. */
export interface StatusDetails {
  /** Of our domain; undefined when there is none. */
  readonly reason: string | undefined;
  /** When the same request may be sent again, in milliseconds; undefined: not said, or never. */
  readonly retryAfterMs: number | undefined;
}

interface Any {
  type_url: string;
  value: Buffer;
}
interface ErrorInfo {
  reason: string;
  domain: string;
}
interface RetryInfo {
  retryDelay: { seconds: string; nanos: number } | null;
}

const definitions = loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], {
  includeDirs: [fileURLToPath(new URL('.', import.meta.url))],
  longs: String,
  defaults: true,
});

function messageType<T extends object>(name: string): MessageTypeDefinition<Partial<T>, T> {
  return definitions[name] as unknown as MessageTypeDefinition<Partial<T>, T>;
}

const Status = messageType<{ code: number; message: string; details: Any[] }>('google.rpc.Status');
const ErrorInfo = messageType<ErrorInfo>('google.rpc.ErrorInfo');
const RetryInfo = messageType<RetryInfo>('google.rpc.RetryInfo');

const TYPE_URL = 'type.googleapis.com/';
const typeUrl = (name: string): string => `${TYPE_URL}google.rpc.${name}`;

/** A detail of a refusal, encoded. */
export interface StatusDetail {
  /** `google.rpc.ErrorInfo`, for example. */
  readonly type: string;
  readonly value: Buffer;
}

/** Encodes a refusal: ErrorInfo, and RetryInfo if the request may be sent again. */
export function encodeStatusDetails(code: number, message: string, told: StatusDetails): Buffer {
  const details = statusDetails(told).map(({ type, value }) => ({ type_url: `${TYPE_URL}${type}`, value }));
  return Status.serialize({ code, message, details });
}

/** The details of a refusal one by one: ErrorInfo, and RetryInfo if the request may be sent again. */
export function statusDetails({ reason, retryAfterMs }: StatusDetails): StatusDetail[] {
  const details: StatusDetail[] = [];
  if (reason !== undefined) {
    const value = ErrorInfo.serialize({ reason, domain: ERROR_DOMAIN });
    details.push({ type: 'google.rpc.ErrorInfo', value });
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = {
      seconds: String(Math.floor(retryAfterMs / 1_000)),
      nanos: (retryAfterMs % 1_000) * 1_000_000,
    };
    details.push({ type: 'google.rpc.RetryInfo', value: RetryInfo.serialize({ retryDelay }) });
  }
  return details;
}

/** What an encoded `google.rpc.Status` tells; nothing when it is not one: it is not worth failing for. */
export function decodeStatusDetails(bytes: Buffer): StatusDetails {
  let reason: string | undefined;
  let retryAfterMs: number | undefined;
  try {
    for (const { type_url: type, value } of Status.deserialize(bytes).details) {
      if (type === typeUrl('ErrorInfo')) {
        const info = ErrorInfo.deserialize(value);
        if (info.domain === ERROR_DOMAIN) reason = info.reason;
      } else if (type === typeUrl('RetryInfo')) {
        const { retryDelay } = RetryInfo.deserialize(value);
        retryAfterMs = Number(retryDelay?.seconds ?? 0) * 1_000 + (retryDelay?.nanos ?? 0) / 1_000_000;
      }
    }
  } catch {
    // A proxy's, perhaps.
  }
  return { reason, retryAfterMs };
}
