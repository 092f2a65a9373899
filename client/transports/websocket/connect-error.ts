import { decodeErrorInfo, decodeRetryInfo } from '../../../protos/codec/codec.ts';
import { status } from '../../../protos/status-codes.ts';
import { LiveError, reasonNamed } from '../../core/errors.ts';

/** `ErrorInfo.domain` of this gateway's reasons. */
const ERROR_DOMAIN = 'live-gateway';

/** An error as the Connect protocol writes it (https://connectrpc.com/docs/protocol#error-end-stream); a proxy may write anything. */
interface ConnectError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

interface Detail {
  readonly type: string;
  /** Base64, without padding. */
  readonly value: string;
}

/** The codes of HTTP that mean what a gateway or a proxy cannot serve now. https://connectrpc.com/docs/protocol#http-to-error-code */
const codeOfHttp: Readonly<Record<number, number>> = {
  400: status.INTERNAL,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.UNIMPLEMENTED,
  429: status.UNAVAILABLE,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.UNAVAILABLE,
};

/** The error in an answer that is none: by its body if that is one of Connect's, otherwise by its HTTP status. */
export function fromHttpError(httpStatus: number, body: string): LiveError {
  const told = parse(body);
  if (typeof told?.code === 'string') return fromConnectError(told);
  return new LiveError(codeOfHttp[httpStatus] ?? status.UNKNOWN, `the answer was HTTP ${httpStatus}`);
}

/** The error that an end of a stream tells of; undefined: it ended with OK. */
export function fromEndOfStream(text: string): LiveError | undefined {
  const end = parse(text);
  if (end === undefined) return new LiveError(status.INTERNAL, 'the end of the answer is no JSON');
  return end.error ? fromConnectError(end.error) : undefined;
}

/** The error where there was no answer, or it broke off. */
export function fromNetwork(cause: unknown): LiveError {
  if (cause instanceof LiveError) return cause;
  return new LiveError(status.UNAVAILABLE, `the request failed: ${messageOf(cause)}`, { cause });
}

/** What fetch fails with has the reason as its cause, where it tells it at all. */
function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

function fromConnectError({ code, message, details }: ConnectError): LiveError {
  const name = String(code).toUpperCase().replace('CANCELED', 'CANCELLED');
  const number = Object.entries(status).find(([each]) => each === name)?.[1] ?? status.UNKNOWN;
  const { reason, retryAfterMs } = told(Array.isArray(details) ? (details as Detail[]) : []);
  return new LiveError(number, typeof message === 'string' ? message : '', {
    reason: reasonNamed(reason ?? ''),
    retryAfterMs: reason === undefined ? undefined : (retryAfterMs ?? 'never'),
  });
}

/** What details tell; nothing where they are none: it is not worth failing for. */
function told(details: readonly Detail[]): { reason?: string; retryAfterMs?: number } {
  const found: { reason?: string; retryAfterMs?: number } = {};
  try {
    for (const { type, value } of details) {
      if (type === 'google.rpc.ErrorInfo') {
        const info = decodeErrorInfo(fromBase64(value));
        if (info.domain === ERROR_DOMAIN) found.reason = info.reason;
      } else if (type === 'google.rpc.RetryInfo') {
        const { retryDelay } = decodeRetryInfo(fromBase64(value));
        found.retryAfterMs = Number(retryDelay?.seconds ?? 0) * 1_000 + (retryDelay?.nanos ?? 0) / 1_000_000;
      }
    }
  } catch {
    // A proxy's, perhaps.
  }
  return found;
}

const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function parse(text: string): (ConnectError & { error?: ConnectError }) | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
