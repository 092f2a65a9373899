import type { ServerResponse } from 'node:http';

/** What is told of a request that is refused: RFC 9457. */
export interface Problem {
  /** Of HTTP. */
  readonly status: number;
  /** One of the gateway's reasons (docs/protocol.md), or one of HTTP's own. */
  readonly reason: string;
  /** For a person: what is wrong, and what to do. */
  readonly detail: string;
  /** When to try again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** Answers with a problem, as `application/problem+json`. */
export function sendProblem(
  response: ServerResponse,
  { status, reason, detail, retryAfterMs }: Problem,
): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/problem+json');
  response.setHeader('cache-control', 'no-store');
  if (retryAfterMs !== undefined) response.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  response.end(JSON.stringify({ type: 'about:blank', title: reason, status, detail, reason, retryAfterMs }));
}
