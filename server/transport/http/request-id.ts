import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Of requests and answers: by which a proxy, a gateway and whoever asked know the same request. */
export const REQUEST_ID = 'x-request-id';
/** What may be written into a log as it is. */
const SANE = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives an answer the id of its request: the one that came with it if it is sane, else a new one. */
export function identify({ headers }: IncomingMessage, response: ServerResponse): void {
  const given = headers[REQUEST_ID];
  response.setHeader(REQUEST_ID, typeof given === 'string' && SANE.test(given) ? given : randomUUID());
}

/** The id that an answer has; undefined: it is none of a request that was read. */
export function requestIdOf(response: ServerResponse): string | undefined {
  const id = response.getHeader(REQUEST_ID);
  return id === undefined ? undefined : String(id);
}
