import { request as requestPlain } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request as requestSecure } from 'node:https';
import { Readable } from 'node:stream';

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
        const { statusCode: status = 500, headers: given } = response;
        const contentType = given['content-type'] ?? '';
        resolve(
          new Response(Readable.toWeb(response) as ReadableStream, {
            status,
            headers: { 'content-type': contentType },
          }),
        );
      });
      request.end(body);
    });
}
