import type { ServerHttp2Stream } from 'node:http2';
import { Server } from '@grpc/grpc-js';
import { moderationService } from '../../../protos/moderation.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Address } from '../../../common/units.ts';
import { MAX_REQUEST_BYTES } from '../../log/sizes.ts';
import type { Logger } from '../../observability/logging.ts';
import type { Readiness } from '../../session/readiness.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { UnaryContext } from '../../session/unary.ts';
import type { GrpcCarrierDependencies } from './carrier.ts';
import { GrpcCarrier } from './carrier.ts';
import type { ConnectionBounds } from './connection-guard.ts';
import { ConnectionGuard } from './connection-guard.ts';
import { Connections } from './connections.ts';
import { guardHttp2 } from './http2-server.ts';
import type { Listener } from './listener.ts';
import { listen } from './listener.ts';
import type { Entrance } from '../connections/entrance.ts';
import type { Keepalive } from '../connections/keepalive.ts';
import type { CurrentCertificates } from '../../tls/certificates.ts';
import { addHealth } from './health.ts';
import { reflection } from './reflection.ts';
import { ShortCall } from './short-call.ts';
import { liveInterceptor, liveHandlers, liveMethods } from './service.ts';

/** Bounds of connections. */
export interface ConnectionLimits extends ConnectionBounds {
  /** For how long it may be without a stream, in milliseconds: it is then closed with GOAWAY. */
  readonly idleMs: number;
}

/** What viewers are served from. */
export interface GrpcServing {
  readonly address: Address;
  /** Absent: viewers are served without TLS. */
  readonly certificates: CurrentCertificates | undefined;
  readonly keepalive: Keepalive;
  readonly sessions: Pick<Sessions, 'open' | 'watch'>;
  /** Shared with other listeners; it is not closed with this one. */
  readonly entrance: Entrance;
  readonly unary: UnaryContext;
  readonly readiness: Readiness;
  readonly logger: Logger;
  readonly connections: ConnectionLimits;
}

/** Viewers served by gRPC. */
export interface GrpcServer {
  /** `host:port` that is served, with the port that was picked. */
  readonly address: string;
  /** TCP connections open now. */
  readonly connections: number;
  /** Accepts no more connections. */
  stopAccepting(): void;
  /** Lets what was said last get out, and short calls come to their end, but does not wait for it longer than so many milliseconds. */
  finishCalls(ms: number): Promise<void>;
  /** Destroys every connection; resolves when all are gone. */
  close(): Promise<void>;
}

/**
 * Serves `live.v1.Live`, `live.v1.Moderation`, health and reflection.
 * @throws when the address cannot be listened on
 */
export async function serveGrpc(serving: GrpcServing): Promise<GrpcServer> {
  const { address, certificates, keepalive, sessions, unary, readiness, logger, entrance } = serving;
  const { receiving, origins, intake, refusals, refusalPace, reception, failed } = entrance;
  const { clock } = unary;
  /** Known before there is a connection. */
  let listening: Listener | undefined = undefined;
  const listener = (): Listener => {
    if (listening === undefined) throw new Error('a connection before anything listens');
    return listening;
  };
  const refuse = (stream: ServerHttp2Stream, peer: string, answer: () => void): void =>
    refusalPace.answer(origins.clientOf(peer) ?? peer, stream, answer);
  const guard = new ConnectionGuard({ clock, refusals, listener, intake, refuse }, serving.connections);
  let carriers: GrpcCarrierDependencies | undefined = undefined;
  const dependencies = (): GrpcCarrierDependencies =>
    (carriers ??= {
      connections: new Connections(),
      intake: guard.intake,
      listener: listener(),
      served: (stream) => guard.served(stream),
    });
  const interceptor = liveInterceptor(
    (call, decoder) => void sessions.open(new GrpcCarrier(call, decoder, dependencies())),
    (call, encoded) => {
      const short = new ShortCall(call, encoded, unary.clock, dependencies());
      short.onceClosed(sessions.watch(short));
    },
    receiving,
    origins,
    refusalPace,
  );
  const server = new Server({
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': guard.streamsAtFirst,
    'grpc.max_connection_idle_ms': serving.connections.idleMs,
    'grpc.enable_channelz': 0,
    interceptors: [interceptor],
  });
  guardHttp2(server, guard);
  const handlers = liveHandlers(unary, origins);
  server.addService(liveMethods, handlers);
  server.addService(moderationService, handlers);
  addHealth(server, readiness);
  reflection().addToServer(server);
  // What is said last on a slow link takes as long as an answer.
  const ending = { clock, timeoutMs: keepalive.timeoutMs };
  const layers = { ...reception, tls: certificates && { certificates, clock, logger }, failed };
  listening = await listen(server, address, ending, layers).catch((error: unknown) => {
    guard.close();
    throw error;
  });
  return {
    address: listening.address,
    get connections() {
      return listener().connections;
    },
    stopAccepting: () => listener().stopAccepting(),
    async finishCalls(ms) {
      const finished = new AbortController();
      server.tryShutdown(() => finished.abort());
      await sleep(unary.clock, ms, finished.signal);
    },
    async close() {
      guard.close();
      await listener().close();
      server.forceShutdown();
    },
  };
}
