import type { HttpRoute } from '../http/server.ts';
import { sendProblem } from '../http/problem.ts';
import type { DemoFile } from './files.ts';
import type { SecondGateway } from './second-gateway.ts';

/** The page does nothing but what is in its own files, speaks to its own gateway and the one beside it only, and is in nobody's frame. */
function contentSecurityPolicy(second: SecondGateway | undefined): string {
  const beside = second?.address === undefined ? '' : ` ws://${second.address} http://${second.address}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self'${beside}`,
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/**
 * Serves these files, by their paths, and nothing else.
 * @param second that the page may connect to
 */
export function demoRoute(files: ReadonlyMap<string, DemoFile>, second?: SecondGateway): HttpRoute {
  return {
    prefix: '/demo',
    handle(request, response, { pathname }) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        const detail = 'the demo is only to be looked at: GET or HEAD';
        sendProblem(response, { status: 405, reason: 'METHOD_NOT_ALLOWED', detail });
        return;
      }
      if (pathname === '/demo') {
        response.writeHead(308, { location: '/demo/' }).end();
        return;
      }
      const file = files.get(pathname);
      if (file === undefined) {
        const detail = 'the demo is at /demo/';
        sendProblem(response, { status: 404, reason: 'NOT_FOUND', detail });
        return;
      }
      const length = file.bytes.length;
      response.writeHead(200, {
        ...HEADERS,
        'content-security-policy': contentSecurityPolicy(second),
        'content-type': file.type,
        'content-length': length,
      });
      response.end(request.method === 'HEAD' ? undefined : file.bytes);
    },
  };
}
