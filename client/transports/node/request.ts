import type { IncomingMessage } from 'node:http';
import { request as requestPlain } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request as requestSecure } from 'node:https';
import { Readable } from 'node:stream';

/** Statuses of answers that the standard allows no body. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * As the standard's `fetch`, but with TLS as the application wants it, which that cannot have in Node; and as far as calls need it. Each request has a connection of its
 * own, so that none is left when the client is closed.
 */
export function fetchWith(tls: RequestOptions): (url: string, init: RequestInit) => Promise<Response> {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const options = {
        agent: false,
        method,
        headers: headers as Record<string, string>,
        signal: signal ?? undefined,
      };
      const request = url.startsWith('https:')
        ? requestSecure(url, { ...tls, ...options })
        : requestPlain(url, options);
      request.on('error', reject);
      request.on('response', (response) => {
        try {
          resolve(answerOf(response));
        } catch (error) {
          request.destroy(error as Error);
        }
      });
      request.end(body);
    });
}

/** @throws RangeError for a status that HTTP has not */
function answerOf(response: IncomingMessage): Response {
  const { statusCode: status = 500, headers } = response;
  const body = WITHOUT_BODY.has(status) ? null : (Readable.toWeb(response) as ReadableStream);
  return new Response(body, { status, headers: { 'content-type': headers['content-type'] ?? '' } });
}
