import type { Socket } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';

/*
 * Access: `ChannelCredentials._createSecureConnector`, `_isSecure` and `_equals`, which grpc-js calls with the socket of each connection.
 * If it changes: either nothing connects (a method that grpc-js calls is missing), or `reveal` is never called, and a link to a gateway that is gone stays
 * in the kernel until its time-outs.
 * Instead, once there is one: a public option to make a channel's socket (`createConnection`, as http2 has it).
 */

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials that show the TCP socket under a channel. Cancelling a call and closing its channel wait for
 * the peer, and a peer that is gone never answers: only the socket's owner can end such a connection.
 */
export class SocketRevealingCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #reveal: (socket: Socket) => void;

  /** @param reveal called with each socket before anything is read from it */
  constructor(inner: ChannelCredentials, reveal: (socket: Socket) => void) {
    super();
    this.#inner = inner;
    this.#reveal = reveal;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): SecureConnector {
    const connector = this.#inner._createSecureConnector(...args);
    return {
      connect: (socket) => {
        this.#reveal(socket);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}
