import type { IncomingMessage } from 'node:http';
import type { Problem } from './problem.ts';
import { sendProblem, writeProblem } from './problem.ts';
import type { HttpRoute, HttpServing } from './server.ts';

/** As the parser of addresses writes them. */
const OWN_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const MISDIRECTED: Problem = {
  status: 421,
  reason: 'MISDIRECTED_REQUEST',
  detail:
    'without tokens this answers to localhost, 127.0.0.1 and [::1] only: pages of others could use it under their own names; ask for tokens, or add --http and --insecure to serve everybody',
};

/**
 * Serves the same, but only to who asks for this machine by one of its own names. A page of anybody can have its own name resolved to 127.0.0.1 (DNS rebinding): to its
 * browser it then is of the same origin, and could do everything here.
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
  return OWN_NAME.test(URL.parse(`http://${host}`)?.hostname ?? '');
}
