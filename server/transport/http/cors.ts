import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpRoute } from './server.ts';

/** Whether the page that a request comes from may use what it asks for. */
export interface OriginRule {
  allows(request: IncomingMessage): boolean;
}

/** What pages may send, beside what they always may. */
const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'last-event-id',
  'connect-protocol-version',
  'connect-timeout-ms',
  'x-request-id',
  'traceparent',
  'tracestate',
];
/** What pages may read, beside what they always may. */
const RESPONSE_HEADERS = ['live-reason', 'retry-after', 'x-request-id'];
/** How long a browser may remember what it was told, in seconds. */
const MAX_AGE_S = 600;

/**
 * Tells browsers which pages may use a route (https://fetch.spec.whatwg.org/#http-cors-protocol). Who may do what is not decided by it: for that there are tokens.
 * @param methodsAt that there are at a path; none: nothing is served there
 */
export function withCors(
  route: HttpRoute,
  methodsAt: (pathname: string) => readonly string[],
  rule: OriginRule,
): HttpRoute {
  return {
    ...route,
    handle(request, response, url): void {
      allowOrigin(request, response, rule);
      const methods = request.method === 'OPTIONS' ? methodsAt(url.pathname) : [];
      if (methods.length > 0) return answerOptions(response, methods);
      route.handle(request, response, url);
    },
  };
}

function allowOrigin(request: IncomingMessage, response: ServerResponse, rule: OriginRule): void {
  const { origin } = request.headers;
  response.setHeader('vary', 'origin');
  if (origin === undefined || !rule.allows(request)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', RESPONSE_HEADERS.join(', '));
}

function answerOptions(response: ServerResponse, methods: readonly string[]): void {
  const allowed = methods.join(', ');
  response.setHeader('allow', `${allowed}, OPTIONS`);
  if (response.hasHeader('access-control-allow-origin')) {
    response.setHeader('access-control-allow-methods', allowed);
    response.setHeader('access-control-allow-headers', REQUEST_HEADERS.join(', '));
    response.setHeader('access-control-max-age', MAX_AGE_S);
  }
  response.writeHead(204).end();
}
