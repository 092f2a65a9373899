import type { IncomingMessage } from 'node:http';
import type { HttpRoute, HttpServing } from '../http/server.ts';
import type { Problem } from '../http/problem.ts';
import { sendProblem, writeProblem } from '../http/problem.ts';

const NAMES = new Set(['127.0.0.1', 'localhost']);

const MISDIRECTED: Problem = {
  status: 421,
  reason: 'MISDIRECTED_REQUEST',
  detail:
    'this is for http://127.0.0.1 and http://localhost only: name the address in --http to serve it under other names',
};

/**
 * Serves the same, but only to who asks for this machine by one of its own names. A page of anybody can have its own name resolved to 127.0.0.1 (DNS rebinding): to its
 * browser it then is of the same origin, and could do everything here while the gateway is tried out.
 */
export function forThisMachine({ routes, upgrade }: Pick<HttpServing, 'routes' | 'upgrade'>) {
  return {
    routes: routes.map(restricted),
    ...(upgrade && {
      upgrade: (...[request, socket, head]: Parameters<typeof upgrade>) => {
        if (isForThisMachine(request)) upgrade(request, socket, head);
        else writeProblem(socket, MISDIRECTED);
      },
    }),
  };
}

function restricted(route: HttpRoute): HttpRoute {
  return {
    prefix: route.prefix,
    handle(request, response, url) {
      if (isForThisMachine(request)) route.handle(request, response, url);
      else sendProblem(response, MISDIRECTED);
    },
  };
}

function isForThisMachine({ headers: { host = '' } }: IncomingMessage): boolean {
  return NAMES.has(URL.parse(`http://${host}`)?.hostname ?? '');
}
