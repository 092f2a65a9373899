import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { requestIdOf } from './request-id.ts';

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
export function sendProblem(response: ServerResponse, problem: Problem): void {
  leaveUnread(response);
  response.statusCode = problem.status;
  for (const [name, value] of Object.entries(headersOf(problem))) response.setHeader(name, value);
  response.end(bodyOf(problem, requestIdOf(response)));
}

/** What has not been read of a request that is refused is not worth reading: its connection ends with the answer. To be called before that begins. */
export function leaveUnread(response: ServerResponse): void {
  if (!response.req.complete) response.shouldKeepAlive = false;
}

/**
 * Answers a request to speak another protocol with a problem, and ends the connection: there is no response to write it to.
 * @param headers beside those of every problem
 */
export function writeProblem(
  socket: Duplex,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(bodyOf(problem));
  const all = {
    ...headersOf(problem),
    ...headers,
    'content-length': String(body.length),
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = problem;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`);
  socket.end(body, () => socket.destroy());
}

function headersOf({ retryAfterMs }: Problem): Record<string, string> {
  return {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }),
  };
}

function bodyOf({ status, reason, detail, retryAfterMs }: Problem, requestId?: string): string {
  return JSON.stringify({
    type: 'about:blank',
    title: reason,
    status,
    detail,
    reason,
    retryAfterMs,
    requestId,
  });
}
