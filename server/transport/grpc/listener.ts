import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../../common/clock.ts';
import type { Address } from '../../../common/units.ts';
import { formatAddress } from '../../../common/units.ts';
import { BACKLOG } from '../connections/backlog.ts';
import type { Reception } from '../connections/reception.ts';
import { admit, dismiss, enter, suspect as suspectIn } from '../connections/reception.ts';
import { peerName } from '../connections/peer-name.ts';
import { setReading } from './reading.ts';
import type { ListenerTls } from './tls-server.ts';
import { createTlsServer } from './tls-server.ts';

/** A listening socket whose connections are handed to a gRPC server, and can be cut one by one. */
export interface Listener {
  /** `host:port` that is served, with the port that was picked. */
  readonly address: string;
  /** TCP connections open now, also those whose TLS handshake is under way. */
  readonly connections: number;
  /** Whether a connection of a peer is open, as `call.getPeer()` names it. */
  has(peer: string): boolean;
  /** Destroys that connection. */
  terminate(peer: string): void;
  /** Bytes that have come by that connection. */
  bytesRead(peer: string): number;
  /** Reads nothing more of that connection, or goes on. */
  read(peer: string, on: boolean): void;
  /** That connection has done what none may do: its address is on probation. */
  suspect(peer: string): void;
  /** Accepts no more connections. */
  stopAccepting(): void;
  /** Destroys every connection; resolves when all are gone. */
  close(): Promise<void>;
}

/** What becomes of connections that are ended. */
export interface Ending {
  readonly clock: Clock;
  /** How long the other end may take to end its half, and to take what was said last, in milliseconds; at most twice as long. */
  readonly timeoutMs: number;
}

/** What is between TCP and HTTP/2. */
export interface Layers extends Reception {
  readonly tls?: ListenerTls | undefined;
  /** Is told that a connection could not be accepted; the next ones may be. */
  readonly failed?: (error: Error) => void;
}

/**
 * Listens for `server`; port 0 picks a free one. gRPC cannot end a stream whose reader is paused; the owner of the socket can. TLS, if
 * there is any, is ours as well: gRPC is handed what has been deciphered.
 * @throws when the address cannot be listened on
 */
export async function listen(
  server: Server,
  { host, port }: Address,
  { clock, timeoutMs }: Ending,
  { tls, failed, ...reception }: Layers,
): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  /** TCP's own, whatever is on top: to destroy them is all it takes. */
  const sockets = new Map<string, Socket>();
  /** Those that gRPC was handed: with TLS, what is on top. */
  const served = new Set<Socket>();
  const tlsServer = tls && createTlsServer(tls, inject);
  const net = createServer({ noDelay: true });
  net.on('connection', (socket: Socket) => {
    if (!admit(socket, reception)) return;
    const peer = peerName(socket);
    sockets.set(peer, socket);
    // One listener for all: each takes memory for every viewer.
    socket.on('close', () => {
      sockets.delete(peer);
      served.delete(socket);
      dismiss(peer, reception);
    });
    socket.on('error', onError);
    enter(socket, reception, () => serve(socket));
  });
  await bind(net, { host, port });
  net.on('error', (error) => failed?.(error));
  const bound = net.address() as AddressInfo;
  // Listened for from the beginning: it may come before the last socket says that it is closed.
  const closed = once(net, 'close');
  const endedBefore = new WeakSet<Socket>();
  // HTTP/2 ends its half of a connection that it closes, and leaves the rest to the other end.
  const timer = clock.every(timeoutMs, () => {
    for (const socket of served) {
      if (endedBefore.has(socket)) socket.destroy();
      else if (socket.writableEnded) endedBefore.add(socket);
    }
  });
  return {
    address: formatAddress({ host: bound.address, port: bound.port }),
    get connections() {
      return sockets.size;
    },
    has: (peer) => sockets.has(peer),
    terminate: (peer) => sockets.get(peer)?.destroy(),
    bytesRead: (peer) => sockets.get(peer)?.bytesRead ?? 0,
    read: (peer, on) => setReading(sockets.get(peer), on),
    suspect,
    stopAccepting: () => void net.close(),
    async close() {
      timer.cancel();
      net.close();
      for (const socket of sockets.values()) socket.destroy();
      await closed;
      tlsServer?.close();
      injector.destroy();
    },
  };

  function serve(socket: Socket): void {
    if (socket.destroyed) return;
    if (tlsServer === undefined) inject(socket);
    else tlsServer.secure(socket);
  }

  /** The HTTP/2 session handles errors of its socket; without a session nobody would. It ends it with those of its own. */
  function onError(this: Socket, error: NodeJS.ErrnoException): void {
    this.destroy();
    if (error.code?.startsWith('ERR_HTTP2_') === true) suspect(peerName(this));
  }

  function suspect(peer: string): void {
    suspectIn(peer, reception);
  }

  function inject(socket: Socket): void {
    served.add(socket);
    if (tlsServer !== undefined) {
      socket.on('error', onError);
      socket.once('close', () => served.delete(socket));
    }
    injector.injectConnection(socket);
  }
}

function bind(net: NetServer, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => {
      const problem = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      const message = `cannot listen on ${formatAddress(address)}: ${problem}; choose another with --listen`;
      reject(new Error(message, { cause }));
    };
    net.once('error', refuse);
    net.listen({ ...address, backlog: BACKLOG }, () => {
      net.off('error', refuse);
      resolve();
    });
  });
}
