import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Network } from '../../../common/node/network.ts';
import { Networks } from '../../../common/node/network.ts';
import type { Watched } from '../../observability/probes.ts';
import { answerAlive, answerMetrics, answerReady, isRead, PROBES } from '../../observability/probes.ts';
import type { Origins } from '../connections/origins.ts';
import { peerName } from '../connections/peer-name.ts';
import type { Problem } from './problem.ts';
import { sendProblem } from './problem.ts';
import { requestOrigin } from './request-origin.ts';
import type { HttpRoute } from './server.ts';

/** What proxies add to a request. */
const PROXY_HEADERS = ['x-forwarded-for', 'forwarded', 'via'] as const;

const NOT_FOUND: Problem = {
  status: 404,
  reason: 'NOT_FOUND',
  detail: 'metrics are not served here: they are at --metrics, and here for the networks of --http-metrics',
};

/**
 * Serves `/healthz` and `/readyz` to everybody, but without a reason: load balancers ask from wherever they are, and learn no more than
 * by connecting. Metrics tell strangers how many viewers there are, and what goes wrong: they are for those networks only.
 * @param readers who may read the metrics
 */
export function probeRoutes(
  { metrics, notReady }: Watched,
  origins: Origins,
  readers: readonly Network[],
): readonly HttpRoute[] {
  const networks = new Networks(readers);
  return [
    route(PROBES.alive, (_, response) => answerAlive(response)),
    route(PROBES.ready, (_, response) => answerReady(response, notReady(), false)),
    route(PROBES.metrics, (request, response) => {
      if (mayRead(request, origins, networks)) void answerMetrics(response, metrics);
      else sendProblem(response, NOT_FOUND);
    }),
  ];
}

/** By a proxy that is not trusted, anybody may ask: it seems to be itself, and may well be on this machine. */
function mayRead(request: IncomingMessage, origins: Origins, networks: Networks): boolean {
  const direct = origins.clientOf(peerName(request.socket)) !== undefined;
  if (direct && PROXY_HEADERS.some((name) => request.headers[name] !== undefined)) return false;
  return networks.has(requestOrigin(origins, request).address);
}

function route(
  path: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): HttpRoute {
  return {
    prefix: path,
    handle(request, response, { pathname }) {
      if (pathname !== path) {
        const detail = `nothing is served at ${pathname}`;
        sendProblem(response, { status: 404, reason: 'NOT_FOUND', detail });
      } else if (isRead(request)) {
        answer(request, response);
      } else {
        response.setHeader('allow', 'GET, HEAD');
        const detail = 'only to be read: GET or HEAD';
        sendProblem(response, { status: 405, reason: 'METHOD_NOT_ALLOWED', detail });
      }
    },
  };
}
