import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { Clock, Timer } from '../../../common/clock.ts';
import type { Logger } from '../../observability/logging.ts';
import { sampledLog } from '../../observability/sampled-log.ts';
import type { CurrentCertificates } from '../../tls/certificates.ts';
import { contextOptions } from '../../tls/certificates.ts';
import { peerName } from '../connections/peer-name.ts';

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE_MS = 10_000;

/** The protocol of gRPC, as TLS names it. */
const ALPN = 'h2';

/** How connections are secured. */
export interface ListenerTls {
  readonly certificates: CurrentCertificates;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Secures connections that somebody else has accepted. */
export interface TlsServer {
  secure(socket: Socket): void;
  /** Writes nothing more into the log. */
  close(): void;
}

/**
 * A server whose connections are handed to `serve` once they are secured. Those that do not get so far are ended: with an alert, where
 * the client can understand one. A client that offers other protocols only gets an alert; to one that names no protocol
 * the connection is closed after the handshake, which is the first moment at which Node tells.
 */
export function createTlsServer(
  { certificates, clock, logger }: ListenerTls,
  serve: (socket: TLSSocket) => void,
): TlsServer {
  const refusals = sampledLog(logger, clock);
  const handshakes = new Map<string, Timer>();
  const server = createServer(
    {
      ...contextOptions(certificates.now),
      ALPNProtocols: [ALPN],
      requestCert: certificates.mode === 'mutual',
      rejectUnauthorized: certificates.mode === 'mutual',
      noDelay: true,
      // Ours comes first, on a clock of our own.
      handshakeTimeout: 2 * HANDSHAKE_MS,
    },
    (socket) => {
      const peer = peerName(socket);
      if (socket.alpnProtocol !== ALPN) {
        refusals.info(
          { peer, reason: `the client does not say that it speaks ${ALPN}` },
          'connection refused',
        );
        // The rest of the handshake's time is what its last words may take.
        socket.on('error', () => socket.destroy());
        socket.destroySoon();
        return;
      }
      handshakes.get(peer)?.cancel();
      handshakes.delete(peer);
      serve(socket);
    },
  );
  server.on('connection', (socket: Socket) => {
    const peer = peerName(socket);
    const timer = clock.after(HANDSHAKE_MS, () => socket.destroy());
    handshakes.set(peer, timer);
    socket.once('close', () => {
      timer.cancel();
      if (handshakes.get(peer) === timer) handshakes.delete(peer);
    });
  });
  server.on('tlsClientError', (error, socket) => {
    // A connection that is closed before a word was said is how load balancers see whether we are there.
    if (socket.bytesRead === 0) return;
    // Node's types do not say that there may be none.
    const unauthorized = socket.authorizationError as Error | string | null | undefined;
    const reason = String(unauthorized ?? error.message);
    refusals.info({ peer: peerName(socket), reason }, 'connection refused');
  });
  certificates.onReplaced(() => server.setSecureContext(contextOptions(certificates.now)));
  return { secure: (socket) => void server.emit('connection', socket), close: () => refusals.close() };
}
