import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * An endpoint on loopback at which no gateway is. Nobody listens there and connections are refused, but while it is `silent`:
 * then they are accepted, and never hear a word.
 */
export class DeadEndpoint {
  readonly #port: number;
  /** As long as it lasts the system gives the port to nobody else, who would answer in our place. */
  readonly #placeholder: readonly Socket[];
  /** Connections that were accepted, and are held until their other ends let go of them. */
  readonly #held = new Set<Socket>();

  /** Reserves a port; resolves when nobody listens on it. */
  static async open(): Promise<DeadEndpoint> {
    const server = createServer();
    server.listen({ host: HOST, port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const near = connect({ host: HOST, port });
    const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
      [Socket],
      [],
    ];
    server.close();
    return new DeadEndpoint(port, [near, far]);
  }

  private constructor(port: number, placeholder: readonly Socket[]) {
    this.#port = port;
    this.#placeholder = placeholder;
  }

  /** `host:port`, as a client takes it. */
  get address(): string {
    return `${HOST}:${this.#port}`;
  }

  /** Connections that hear nothing. */
  get heldConnections(): number {
    return this.#held.size;
  }

  /** Accepts connections from now on, until the returned function is called; those that it has then stay silent. */
  silent(): () => void {
    const server = createServer((socket) => this.#hold(socket));
    server.listen({ host: HOST, port: this.#port, backlog: 4096 });
    return () => void server.close();
  }

  /** Lets go of the port and of every connection. */
  close(): void {
    for (const socket of [...this.#placeholder, ...this.#held]) socket.destroy();
  }

  #hold(socket: Socket): void {
    this.#held.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#held.delete(socket));
    // Read, or its end would not be noticed.
    socket.resume();
  }
}
