/** The status codes of gRPC (https://grpc.io/docs/guides/status-codes) as a table of our own: what only names one needs no gRPC library. */
export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The name of a status code. */
export type StatusName = keyof typeof status;

/** A status code. */
export type StatusCode = (typeof status)[StatusName];

const names = new Map<number, string>(Object.entries(status).map(([name, code]) => [code, name]));

/** The name of a status code, for example "UNAVAILABLE"; the number itself if it is none. */
export function statusName(code: number): string {
  return names.get(code) ?? String(code);
}
