import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request to speak another protocol: it is answered with 403, or goes on as one to speak HTTP. */
export type UpgradeBlocking = 'refuses' | 'strips';

/** A proxy that lets nothing through but plain GET of HTTP/1.1. */
export class UpgradeBlocker implements AsyncDisposable {
  readonly #server = createServer((asked, response) => this.#pass(asked, response));
  readonly #gateway: string;

  private constructor(gateway: string, blocking: UpgradeBlocking) {
    this.#gateway = gateway;
    // Without a listener Node takes it for any request.
    if (blocking === 'refuses')
      this.#server.on('upgrade', (_, socket) =>
        socket.end(
          'HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<h1>Blocked</h1>',
        ),
      );
  }

  /** @param gateway `host:port` of its HTTP listener */
  static async start(gateway: string, blocking: UpgradeBlocking): Promise<UpgradeBlocker> {
    const blocker = new UpgradeBlocker(gateway, blocking);
    await once(blocker.#server.listen(0, '127.0.0.1'), 'listening');
    return blocker;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections by it that there are. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    this.cut();
    await closed;
  }

  #pass({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET') return void response.writeHead(405).end();
    const passed = { ...headers };
    delete passed.upgrade;
    delete passed.connection;
    const onward = get(`http://${this.#gateway}${url}`, { headers: passed, agent: false });
    onward.on('response', (answer) => {
      const { connection: _, upgrade: __, ...told } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, told);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
  }
}
