import { sendProblem } from '../../http/problem.ts';
import type { HttpRoute } from '../../http/server.ts';
import { openApiDocument } from './document.ts';

const PATH = '/v1/openapi.json';

/** Serves the description of what is served. */
export function openApiRoute(): HttpRoute {
  const text = `${JSON.stringify(openApiDocument)}\n`;
  return {
    prefix: PATH,
    handle({ method }, response, { pathname }): void {
      if (pathname !== PATH)
        return sendProblem(response, { status: 404, reason: 'NOT_FOUND', detail: 'nothing is served here' });
      if (method !== 'GET' && method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD, OPTIONS');
        return sendProblem(response, {
          status: 405,
          reason: 'METHOD_NOT_ALLOWED',
          detail: 'here there is GET, HEAD',
        });
      }
      response.setHeader('content-type', 'application/json');
      response.end(text);
    },
  };
}
