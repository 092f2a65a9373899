import { sendProblem } from '../http/problem.ts';
import type { HttpRoute } from '../http/server.ts';
import { PATH } from './handshake.ts';

/** What is said to those that come to where WebSockets are served and do not ask for one; any more, because something on the way has taken that from the request. */
export function upgradeRequired(): HttpRoute {
  return {
    prefix: PATH,
    handle(_request, response, { pathname }): void {
      if (pathname !== PATH)
        return sendProblem(response, { status: 404, reason: 'NOT_FOUND', detail: 'nothing is served here' });
      response.setHeader('upgrade', 'websocket');
      response.setHeader('connection', 'upgrade');
      sendProblem(response, {
        status: 426,
        reason: 'REQUEST_INVALID',
        detail:
          'here WebSockets are served: the request came without an Upgrade; if its client has asked for one, something between it and the gateway (a proxy) has taken it away',
      });
    },
  };
}
