import { descriptorLimit } from '../../common/node/descriptors.ts';
import type { Random } from '../../common/random.ts';
import type { Address } from '../../common/units.ts';
import type { ServerConfig } from '../config/config.ts';
import { DEMO_ADDRESS, servesDemo } from '../config/demo.ts';
import type { Logger } from '../observability/logging.ts';
import type { Watched } from '../observability/probes.ts';
import type { Scheduler } from '../session/scheduler.ts';
import type { Readiness } from '../session/readiness.ts';
import type { Sessions } from '../session/sessions.ts';
import type { UnaryContext } from '../session/unary.ts';
import type { CurrentCertificates } from '../tls/certificates.ts';
import type { Entrance, EntranceLimits } from '../transport/connections/entrance.ts';
import { openEntrance } from '../transport/connections/entrance.ts';
import type { Keepalive } from '../transport/connections/keepalive.ts';
import { readDemoFiles } from '../transport/demo/files.ts';
import { demoRoute } from '../transport/demo/route.ts';
import type { SecondGateway } from '../transport/demo/second-gateway.ts';
import { secondGatewayRoute } from '../transport/demo/second-gateway.ts';
import { serveGrpc } from '../transport/grpc/server.ts';
import { apiRoutes } from '../transport/api/routes.ts';
import { AllowedOrigins } from '../transport/http/allowed-origins.ts';
import { forThisMachine } from '../transport/http/for-this-machine.ts';
import { probeRoutes } from '../transport/http/probe-routes.ts';
import type { HttpRoute, HttpServer, HttpServing } from '../transport/http/server.ts';
import { serveHttp } from '../transport/http/server.ts';
import { upgradeRequired } from '../transport/websocket/upgrade-required.ts';
import { WebSocketServer } from '../transport/websocket/server.ts';

/** Files and sockets that are kept for other things than viewers: NATS, metrics, certificates, Node itself. */
const OTHER_DESCRIPTORS = 64;

/** What viewers are served from. */
export interface ListenersDependencies {
  readonly config: ServerConfig;
  readonly certificates: CurrentCertificates | undefined;
  readonly keepalive: Keepalive;
  readonly sessions: Sessions;
  readonly scheduler: Scheduler;
  readonly unary: UnaryContext;
  readonly readiness: Readiness;
  /** What those are told who watch over the gateway. */
  readonly watched: Watched;
  readonly logger: Logger;
  readonly random: Random;
  /** For the page of the demo to kill. */
  readonly second: SecondGateway | undefined;
  /** HTTP is for whoever sits before the machine. */
  readonly thisMachineOnly: boolean;
}

/** Everything that viewers connect to. */
export interface Listeners {
  /** gRPC, `host:port`. */
  readonly address: string;
  /** HTTP; undefined when it is not served. */
  readonly http: string | undefined;
  /** TCP connections open now, on all of them. */
  readonly connections: number;
  /** Bytes held of frames and requests that are not complete. */
  readonly receivingBytes: number;
  /** From now on nobody is to be sent here, and no connection is accepted. */
  stopAccepting(): void;
  /** Limits of connections and the origins of pages are those of this configuration from now on. */
  limit(config: ServerConfig): void;
  /** Lets what was said last get out, but does not wait for it longer than so many milliseconds. */
  finish(ms: number): Promise<void>;
}

/**
 * Opens the listeners, whose limits hold for all of them together.
 * @param undo is told how to close what was opened
 * @throws when an address cannot be listened on
 */
export async function openListeners(
  dependencies: ListenersDependencies,
  undo: (step: () => Promise<void> | void) => void,
): Promise<Listeners> {
  const { config, scheduler, unary, logger, random } = dependencies;
  const { clock, refusals } = unary;
  const entrance = openEntrance(
    { clock, random, logger, refusals, viewersWait: () => scheduler.busy },
    {
      ...entranceLimits(config),
      proxies: { trusted: config.trustedProxies ?? [], protocol: config.proxyProtocol },
      receiving: { bytes: config.receiveBytes, timeoutMs: config.frameTimeoutMs },
    },
  );
  undo(() => entrance.close());
  const grpc = await serveGrpc({
    ...dependencies,
    entrance,
    address: config.listen,
    connections: {
      streams: config.maxStreams,
      idleMs: config.idleTimeoutMs,
      controlFrames: config.controlFrames,
    },
  });
  undo(() => grpc.close());
  const origins = new AllowedOrigins(config.httpOrigins);
  const web = await openWeb(dependencies, { entrance, origins }, undo);
  return {
    address: grpc.address,
    http: web?.address,
    get connections() {
      return grpc.connections + (web?.connections ?? 0);
    },
    get receivingBytes() {
      return entrance.receiving.bytes;
    },
    stopAccepting() {
      dependencies.readiness.leave();
      grpc.stopAccepting();
      entrance.refusalPace.release();
      web?.stopAccepting();
    },
    limit(changed) {
      entrance.limit(entranceLimits(changed));
      origins.replace(changed.httpOrigins);
    },
    async finish(ms) {
      await Promise.all([grpc.finishCalls(ms), web?.finish(ms)]);
    },
  };
}

function entranceLimits(config: ServerConfig): EntranceLimits {
  return {
    admission: {
      connections: Math.min(config.maxConnections, descriptorLimit() - OTHER_DESCRIPTORS),
      ofAddress: config.maxConnectionsPerAddress,
    },
    suspects: config.suspectConnections,
    refusals: config.refusalRate,
  };
}

async function openWeb(
  {
    config,
    certificates,
    keepalive,
    sessions,
    unary,
    watched,
    random,
    second,
    thisMachineOnly,
  }: ListenersDependencies,
  { entrance, origins }: { readonly entrance: Entrance; readonly origins: AllowedOrigins },
  undo: (step: () => Promise<void> | void) => void,
): Promise<HttpServer | undefined> {
  const demo = servesDemo(config);
  if (config.http === undefined && !demo) return undefined;
  const { controlFrames, eventsLifetimeMs } = config;
  const { clock } = unary;
  const webSockets = new WebSocketServer({ entrance, sessions, clock, keepalive, controlFrames, origins });
  undo(() => webSockets.close());
  const api = apiRoutes({
    context: unary,
    sessions,
    entrance,
    allowedOrigins: origins,
    random,
    eventsLifetimeMs,
  });
  const all: Pick<HttpServing, 'routes' | 'upgrade'> = {
    routes: [
      ...(demo ? await demoRoutes(second) : []),
      ...probeRoutes(watched, entrance.origins, config.httpMetrics ?? []),
      ...api,
      upgradeRequired(),
    ],
    upgrade: (request, socket, head) => webSockets.upgrade(request, socket, head),
  };
  const served = thisMachineOnly ? forThisMachine(all) : all;
  const http = await onWebAddress(config, (address) =>
    serveHttp({
      address,
      certificates,
      reception: entrance.reception,
      failed: entrance.failed,
      clock,
      watch: (consumer) => sessions.watch(consumer),
      ...served,
    }),
  );
  undo(() => http.close());
  return http;
}

/** The first that fits answers: the longest is first. */
async function demoRoutes(second: SecondGateway | undefined): Promise<HttpRoute[]> {
  const page = demoRoute(await readDemoFiles(), second);
  const control = secondGatewayRoute(second);
  return second === undefined ? [control, page] : [...forThisMachine({ routes: [control] }).routes, page];
}

/** Serves on the address that is configured or, where only the demo needs one, on the usual one; on a free port if that is taken. */
async function onWebAddress(
  { http }: ServerConfig,
  serve: (address: Address) => Promise<HttpServer>,
): Promise<HttpServer> {
  if (http !== undefined) return serve(http);
  try {
    return await serve(DEMO_ADDRESS);
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: unknown } };
    if (cause?.code !== 'EADDRINUSE') throw error;
    return serve({ ...DEMO_ADDRESS, port: 0 });
  }
}
