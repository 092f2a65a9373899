import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '../../../common/clock.ts';
import { sleep } from '../../../common/sleep.ts';
import type { Address } from '../../../common/units.ts';
import { formatAddress } from '../../../common/units.ts';
import type { CurrentCertificates } from '../../tls/certificates.ts';
import { contextOptions } from '../../tls/certificates.ts';
import { BACKLOG } from '../connections/backlog.ts';
import type { Reception } from '../connections/reception.ts';
import { admit, dismiss, enter } from '../connections/reception.ts';
import { peerName } from '../connections/peer-name.ts';
import { sendProblem } from './problem.ts';
import { identify } from './request-id.ts';
import { namesManyHosts, targetOf } from './target.ts';
import { unreadable } from './unreadable.ts';
import type { Watch } from './untaken.ts';
import { watchEnd } from './untaken.ts';
import type { UpgradeHandler } from './upgrades.ts';
import { upgrading } from './upgrades.ts';
import { WaitingAnswers } from './waiting-answers.ts';

/** Longest header of a request, in bytes: a token of 8 KiB, and as much for the rest. */
const MAX_HEADER_BYTES = 16 * 1024;
/** How long the headers of a request may take to come, and a TLS handshake before it, in milliseconds; and how often that is looked at. */
const HEADERS_TIMEOUT_MS = 10_000;
const LOOK_MS = 1_000;

/** Answers the requests whose paths begin with {@link prefix}. */
export interface HttpRoute {
  readonly prefix: string;
  handle(request: IncomingMessage, response: ServerResponse, url: URL): void;
}

/** What is served over HTTP/1.1. */
export interface HttpServing {
  readonly address: Address;
  /** Absent: without TLS. */
  readonly certificates: CurrentCertificates | undefined;
  /** What connections pass before. */
  readonly reception: Reception;
  /** Is told that a connection could not be accepted; the next ones may be. */
  readonly failed: (error: Error) => void;
  readonly clock: Clock;
  /** Who does not take an answer is told of. */
  readonly watch: Watch;
  /** The first whose prefix fits answers. */
  readonly routes: readonly HttpRoute[];
  /** Absent: there is no other protocol. */
  readonly upgrade?: UpgradeHandler;
}

/** A listener for browsers and for whoever speaks no gRPC. */
export interface HttpServer {
  /** `host:port` that is served, with the port that was picked. */
  readonly address: string;
  /** TCP connections open now, those included that speak another protocol by now. */
  readonly connections: number;
  /** Accepts no more connections. */
  stopAccepting(): void;
  /** Lets answers and what was said last get out, but does not wait for it longer than so many milliseconds. To be called once nothing is accepted any more. */
  finish(ms: number): Promise<void>;
  /** Destroys every connection; resolves when all are gone. */
  close(): Promise<void>;
}

/**
 * Serves HTTP/1.1, with the TLS certificates of the gRPC port if there are any.
 * @throws when the address cannot be listened on
 */
export async function serveHttp({
  address,
  certificates,
  reception,
  failed,
  clock,
  watch,
  routes,
  upgrade,
}: HttpServing): Promise<HttpServer> {
  const waiting = new WaitingAnswers();
  const handle: RequestListener = (request, response) => {
    identify(request, response);
    waiting.watch(response);
    watchEnd(response, clock, watch);
    if (namesManyHosts(request)) return refuseHosts(response);
    const url = targetOf(request);
    const route = url && routes.find(({ prefix }) => url.pathname.startsWith(prefix));
    if (url && route) route.handle(request, response, url);
    else
      sendProblem(response, {
        status: 404,
        reason: 'NOT_FOUND',
        detail: `nothing is served at ${request.url}`,
      });
  };
  const server = create(handle, certificates);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  // Whoever reads a body has a deadline for it.
  server.requestTimeout = 0;
  server.on('clientError', unreadable(waiting));
  const serve = servingOf(server, certificates === undefined ? 'connection' : 'secureConnection');
  if (upgrade !== undefined) server.on('upgrade', upgrading({ upgrade, answers: waiting, serve }));
  const sockets = receiveFirst(server, reception);
  await bind(server, address);
  server.on('error', failed);
  // Listened for from the beginning: it may come before the last socket says that it is closed.
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress({ host: bound.address, port: bound.port }),
    get connections() {
      return sockets.size;
    },
    stopAccepting: () => void server.close(),
    async finish(ms) {
      const finished = new AbortController();
      void closed.then(() => finished.abort());
      await sleep(clock, ms, finished.signal);
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/**
 * Has the server's connections received before it serves them.
 * @returns those that are open, as TCP has them
 */
function receiveFirst(server: Server, reception: Reception): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const serve = servingOf(server, 'connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    if (!admit(socket, reception)) return;
    const peer = peerName(socket);
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      dismiss(peer, reception);
    });
    // HTTP handles errors of its sockets, but neither before it has them nor once another protocol is to be spoken; an error that nobody handles ends the process.
    socket.on('error', destroy);
    enter(socket, reception, () => {
      if (socket.destroyed) return;
      serve(socket);
      // Whoever read the header of the PROXY protocol has stopped it.
      socket.resume();
    });
  });
  return sockets;
}

function refuseHosts(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  sendProblem(response, {
    status: 400,
    reason: 'REQUEST_INVALID',
    detail: 'there is more than one header host: send one',
  });
}

/** Serves a connection, of TCP or of TLS, as Node does. */
function servingOf(server: Server, event: 'connection' | 'secureConnection'): (socket: Socket) => void {
  const listeners = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
  return (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
}

function destroy(this: Socket): void {
  this.destroy();
}

function create(handle: RequestListener, certificates: CurrentCertificates | undefined): Server {
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
    connectionsCheckingInterval: LOOK_MS,
  };
  if (certificates === undefined) return createHttpServer(options, handle);
  const server = createHttpsServer(
    {
      ...options,
      ...contextOptions(certificates.now),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HEADERS_TIMEOUT_MS,
      requestCert: certificates.mode === 'mutual',
      rejectUnauthorized: certificates.mode === 'mutual',
    },
    handle,
  );
  certificates.onReplaced(() => server.setSecureContext(contextOptions(certificates.now)));
  return server;
}

function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => {
      const problem = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      reject(
        new Error(`cannot listen on ${formatAddress(address)}: ${problem}; choose another with --http`, {
          cause,
        }),
      );
    };
    server.once('error', refuse);
    server.listen({ ...address, backlog: BACKLOG }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}
