import type { HttpRoute } from '../http/server.ts';
import type { Problem } from '../http/problem.ts';
import { sendProblem } from '../http/problem.ts';
import { AllowedOrigins } from '../http/allowed-origins.ts';

/** A gateway beside the one that serves the page, for whoever looks at the page to kill. */
export interface SecondGateway {
  /** `host:port` where it serves viewers from pages, or did before it was killed; undefined: it has not been started yet. */
  readonly address: string | undefined;
  readonly running: boolean;
  /**
   * Starts it for the first time.
   * @param http `host:port` where the page is served
   */
  begin(http: string): Promise<void>;
  /** Ends it as a crash does: its connections are gone, without a goodbye. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

/** Where the page asks for it, and says what is to become of it: `POST …/kill`, `POST …/start`. */
export const SECOND_GATEWAY_PATH = '/demo/second-gateway';

const ELSEWHERE: Problem = {
  status: 403,
  reason: 'ORIGIN_FORBIDDEN',
  detail: 'only the page of the demo may do this',
};

/**
 * Lets the page of this very gateway kill the second one and start it again, and no page of anybody else.
 * @param second undefined: the page is told that there is none
 */
export function secondGatewayRoute(second: SecondGateway | undefined): HttpRoute {
  const own = new AllowedOrigins(undefined);
  const orders = new Map([
    [`${SECOND_GATEWAY_PATH}/kill`, () => second?.kill()],
    [`${SECOND_GATEWAY_PATH}/start`, () => second?.start()],
  ]);
  return {
    prefix: SECOND_GATEWAY_PATH,
    handle(request, response, { pathname }) {
      const answer = (): void => {
        const { address, running } = second ?? {};
        response.setHeader('content-type', 'application/json').setHeader('cache-control', 'no-store');
        response.end(JSON.stringify(address === undefined ? {} : { address, running }));
      };
      const failed = (error: unknown): void => {
        const detail = error instanceof Error ? error.message : String(error);
        sendProblem(response, { status: 503, reason: 'UNAVAILABLE', detail });
      };
      const order = orders.get(pathname);
      if (request.method === 'GET' && pathname === SECOND_GATEWAY_PATH) answer();
      else if (request.method !== 'POST' || order === undefined)
        sendProblem(response, {
          status: 404,
          reason: 'NOT_FOUND',
          detail: `GET ${SECOND_GATEWAY_PATH}, POST …/kill or …/start`,
        });
      else if (!own.allows(request)) sendProblem(response, ELSEWHERE);
      else Promise.resolve(order()).then(answer, failed);
    },
  };
}
