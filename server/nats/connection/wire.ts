import { Socket } from 'node:net';
import type { NatsConnection as NatsClient } from 'nats';
import type { ClientProtocol, ClientTransport } from '../client-internals.ts';
import { protocolOf } from '../client-internals.ts';

/** An `-ERR` of a NATS server: it is no answer to anybody, and the connection goes on. */
export interface ServerError {
  readonly code: ServerErrorCode;
  /** What the server says, in its words. */
  readonly text: string;
  /** What was not permitted; with `subject`. */
  readonly operation?: 'publish' | 'subscription';
  readonly subject?: string;
}

export type ServerErrorCode = 'PERMISSIONS_VIOLATION' | 'MAX_SUBSCRIPTIONS' | 'OTHER';

/** Attempts at a time that may still become a connection: those to an address that swallows packets do for two minutes. */
const MAX_ABANDONED = 1_024;

/**
 * What the NATS client does not show of its connection: whether anything comes, and what the server complains of, in the order in
 * which it does.
 */
export class Wire {
  readonly #nc: NatsClient;
  readonly #protocol: ClientProtocol;
  readonly #listeners = new Set<(error: ServerError) => void>();
  /** What is to be told the errors that came before the answer to its PING. */
  readonly #syncs = new Map<unknown, (errors: readonly ServerError[]) => void>();
  /** Since the last answer to a PING. */
  #errors: ServerError[] = [];
  #transport: ClientTransport | undefined;
  #socket: Socket | undefined;
  #receivedBefore = 0;
  #sentBefore = 0;
  /** Given up by the client before they were connected. */
  readonly #abandoned = new Set<ClientTransport>();

  /** @throws when the NATS client keeps these things elsewhere */
  constructor(nc: NatsClient) {
    this.#nc = nc;
    this.#protocol = protocolOf(nc);
    this.#listen(this.#protocol);
  }

  /** Bytes received from NATS since the start, over all connections. */
  get bytesReceived(): number {
    return this.#receivedBefore + (this.#current()?.bytesRead ?? 0);
  }

  /** Bytes given to the connections since the start, some of which may not be on their way yet. */
  get bytesSent(): number {
    return this.#sentBefore + (this.#current()?.bytesWritten ?? 0);
  }

  /** Calls `listener` with each error that a server reports, until the returned function is called. */
  onError(listener: (error: ServerError) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sends a PING behind everything sent so far. Its answer says that the server has dealt with that: resolves with the errors reported
   * since the answer to the PING before, which are those for what was sent between the two.
   * @throws when the connection is lost before
   */
  sync(): Promise<readonly ServerError[]> {
    const pong = this.#nc.flush();
    return new Promise((resolve, reject) => {
      this.#syncs.set(pong, resolve);
      pong.catch(reject).finally(() => this.#syncs.delete(pong));
    });
  }

  /** Ends the connection at once, whatever still waits to be sent; the client then makes another. */
  cut(): void {
    this.#current()?.destroy();
  }

  /** Servers that could not be reached before the first connection was made are forgotten by the client: it is told of them again. */
  remember(urls: readonly string[]): void {
    const { servers } = this.#protocol;
    const known = new Set(servers.getServers().map(({ src }) => src));
    for (const url of urls) if (!known.has(url)) servers.addServer(url);
  }

  #current(): Socket | undefined {
    const { transport } = this.#protocol;
    if (transport !== this.#transport) {
      if (this.#transport !== undefined) this.#abandoned.add(this.#transport);
      this.#transport = transport;
    }
    this.#dropAbandoned();
    const socket = transport?.socket;
    if (socket === this.#socket) return this.#socket;
    this.#receivedBefore += this.#socket?.bytesRead ?? 0;
    this.#sentBefore += this.#socket?.bytesWritten ?? 0;
    this.#socket = socket instanceof Socket ? socket : undefined;
    return this.#socket;
  }

  /**
   * The client forgets an attempt that took too long, but does not end it: a server that comes to itself again would have a connection
   * more of this gateway for each, and the client would take the end of any of them for that of its own.
   */
  #dropAbandoned(): void {
    for (const transport of this.#abandoned) {
      const { isClosed, socket } = transport;
      if (isClosed || this.#abandoned.size > MAX_ABANDONED) this.#abandoned.delete(transport);
      if (!(socket instanceof Socket)) continue;
      this.#abandoned.delete(transport);
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
    }
  }

  #listen(protocol: ClientProtocol): void {
    const processError = protocol.processError.bind(protocol);
    const processPong = protocol.processPong.bind(protocol);
    protocol.processError = (line) => {
      const error = parseServerError(Buffer.from(line).toString());
      this.#errors.push(error);
      for (const listener of this.#listeners) listener(error);
      processError(line);
      // While a connection is being made the client would wait for its time to be up: the next server is tried at once.
      protocol.connectError?.(new Error(error.text));
    };
    protocol.processPong = () => {
      const [pong] = protocol.pongs;
      const errors = this.#errors;
      this.#errors = [];
      processPong();
      this.#syncs.get(pong)?.(errors);
    };
  }
}

/** @param line what follows `-ERR` */
export function parseServerError(line: string): ServerError {
  const text = line.trim().replace(/^'(.*)'$/s, '$1');
  const [, operation, subject] =
    /permissions violation for (publish|subscription) to "(\S+)"/i.exec(text) ?? [];
  if (operation !== undefined && subject !== undefined) {
    const lower = operation.toLowerCase() as 'publish' | 'subscription';
    return { code: 'PERMISSIONS_VIOLATION', text, operation: lower, subject };
  }
  return { code: /maximum subscriptions exceeded/i.test(text) ? 'MAX_SUBSCRIPTIONS' : 'OTHER', text };
}
