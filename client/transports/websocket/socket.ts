/** What a WebSocket tells a link. Nothing comes after `close`. */
export interface SocketHandlers {
  open(): void;
  /** A binary message came, complete; or a text, which no gateway sends. */
  message(data: Uint8Array | string): void;
  /**
   * It is over, or never came to be.
   * @param code as in RFC 6455, section 7.4: 1006 where the other end did not say goodbye
   * @param reason what goes with it; or why there is no connection, where that is known
   */
  close(code: number, reason: string): void;
}

/** A WebSocket, the browser's or another one. */
export interface Socket {
  /** Sends a binary message; only once it is open. */
  send(bytes: Uint8Array): void;
  /** Bytes that have come so far. */
  readonly bytesReceived: number;
  /** Whether those are of complete messages only: parts are not seen. */
  readonly wholeMessagesOnly: boolean;
  /** Takes it away, as soon as that is possible. Nothing more is told. */
  destroy(): void;
}

/** How WebSockets and HTTP requests are made here. */
export interface Network {
  /**
   * Begins to connect.
   * @param url `ws://…` or `wss://…`
   * @param protocol the sub-protocol
   */
  connect(url: string, protocol: string, handlers: SocketHandlers): Socket;
  /** As the standard's. */
  readonly fetch: (url: string, request: RequestInit) => Promise<Response>;
  /**
   * Inflates raw DEFLATE.
   * @throws (or rejects) if it is none, or would give more than `limit` bytes
   */
  inflate(bytes: Uint8Array, limit: number): Uint8Array | Promise<Uint8Array>;
}
