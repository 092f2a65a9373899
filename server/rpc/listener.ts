import { createServer } from 'node:net';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { ServerCredentials } from '@grpc/grpc-js';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** A listening socket whose connections are handed to a gRPC server, and can be cut one by one. */
export interface Listener {
  /** `host:port` that is served, with the port that was picked. */
  readonly address: string;
  /** TCP connections open now. */
  readonly connections: number;
  /** Destroys the connection of a peer as `call.getPeer()` names it. */
  cutOff(peer: string): void;
  /** Accepts no more connections. */
  stopAccepting(): void;
  /** Destroys every connection; resolves when all are gone. */
  close(): Promise<void>;
}

/**
 * Listens for `server`. gRPC cannot end a stream whose reader is paused; the owner of the socket can.
 * @throws when the address cannot be listened on
 */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Map<string, Socket>();
  const net = createServer({ noDelay: true }, (socket) => {
    const peer = peerName(socket);
    sockets.set(peer, socket);
    socket.on('close', () => sockets.delete(peer));
    // The HTTP/2 session handles errors of its socket; without a session nobody would.
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });
  await bind(net, host, port);
  const bound = net.address() as AddressInfo;
  const destroyAll = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    get connections() {
      return sockets.size;
    },
    cutOff: (peer) => sockets.get(peer)?.destroy(),
    stopAccepting: () => void net.close(),
    close() {
      return new Promise((resolve) => {
        // 'close' comes when the last connection is gone; a server that no longer listens says it with an error.
        const done = (): void => {
          injector.destroy();
          resolve();
        };
        if (net.listening) net.close(done);
        else if (sockets.size === 0) done();
        else net.once('close', done);
        destroyAll();
      });
    },
  };
}

/** As grpc-js names the peer of a call. */
function peerName({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

function bind(net: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    net.once('error', reject);
    net.listen({ host, port, backlog: 4096 }, () => {
      net.off('error', reject);
      resolve();
    });
  });
}
