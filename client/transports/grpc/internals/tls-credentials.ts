import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { checkServerIdentity, connect } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';

/*
 * Access: `ChannelCredentials._createSecureConnector`, `_isSecure` and `_equals`, as in revealed-socket.ts.
 * If it changes: nothing connects by TLS.
 * Instead, once they name no IP address as a host (RFC 6066), about which Node warns: `credentials.createSsl` of grpc-js.
 */

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/** Credentials for one gateway by TLS, which has to have a certificate for `name`. */
export class TlsCredentials extends ChannelCredentials {
  readonly #context: SecureContext;
  readonly #name: string;

  /** @param name a host name or an IP address */
  constructor(context: SecureContext, name: string) {
    super();
    this.#context = context;
    this.#name = name;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...[, , callCredentials = CallCredentials.createEmpty()]: Parameters<
      ChannelCredentials['_createSecureConnector']
    >
  ): Connector {
    return {
      connect: async (socket) => ({ socket: await this.#secure(socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  #secure(socket: Socket): Promise<Socket> {
    const name = this.#name;
    return new Promise((resolve, reject) => {
      const secure = connect(
        {
          socket,
          secureContext: this.#context,
          ALPNProtocols: ['h2'],
          ...(isIP(name) === 0 && { servername: name }),
          checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
        },
        () => resolve(secure),
      );
      // It stays: what an error after the handshake means is up to the HTTP/2 session.
      secure.on('error', reject);
    });
  }
}
