import type { ServerConfig } from '../config/config.ts';
import { isLoopback } from '../config/conflicts.ts';
import { DEMO_ADDRESS, servesDemo } from '../config/demo.ts';
import type { Address } from '../../common/units.ts';
import { formatAddress, parseAddress } from '../../common/units.ts';
import type { Logger } from '../observability/logging.ts';
import { errorsOf } from '../observability/logging.ts';
import type { SecondGateway } from '../transport/demo/second-gateway.ts';
import type { Gateway } from './gateway.ts';
import { startGateway } from './gateway.ts';
import type { NatsServers } from './nats-servers.ts';
import { foreignNats } from './nats-servers.ts';

const LOOPBACK = '127.0.0.1';

/** Whether there is one: the page of the demo is served to this machine only, without TLS. */
export function hasSecondGateway(config: ServerConfig): boolean {
  return servesDemo(config) && config.tlsCert === undefined && isLoopback(config.http ?? DEMO_ADDRESS);
}

/**
 * A second gateway in this process, on free ports of loopback, in front of the same NATS servers. It shares nothing else with the first: it has its own sessions, rooms and
 * connection to NATS. Killed, it takes its connections away without a goodbye, as the end of a process does, and has forgotten all that it had in memory.
 */
export class SecondGatewayHere implements SecondGateway {
  readonly #config: ServerConfig;
  readonly #logger: Logger;
  readonly #nats: NatsServers;
  readonly #signal: AbortSignal | undefined;
  #gateway: Gateway | undefined;
  #address: string | undefined;
  /** Of the page, under the names that it may be asked for. */
  #origins: readonly string[] = [];
  #closed = false;
  /** What was asked for is done in turn. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param config of the first
   * @param signal ends a start when aborted
   */
  constructor(config: ServerConfig, logger: Logger, { access, owned }: NatsServers, signal?: AbortSignal) {
    this.#signal = signal;
    const none = { metrics: undefined, auditLog: undefined, advertise: undefined };
    this.#config = { ...config, ...none, demo: false, listen: { host: LOOPBACK, port: 0 } };
    // What is to be said of a gateway is said by the first.
    this.#logger = errorsOf(logger, { gateway: 'second' });
    this.#nats = foreignNats(access, owned);
  }

  get address(): string | undefined {
    return this.#address;
  }

  get running(): boolean {
    return this.#gateway !== undefined;
  }

  async begin(http: string): Promise<void> {
    const page = parseAddress(http) as Address;
    const hosts = new Set([page.host, LOOPBACK, 'localhost']);
    this.#origins = [...hosts].map((host) => `http://${formatAddress({ ...page, host })}`);
    await this.start();
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#gateway !== undefined || this.#closed) return;
      // Viewers find it again where it was.
      const http = parseAddress(this.#address ?? `${LOOPBACK}:0`);
      const config = { ...this.#config, http, httpOrigins: this.#origins };
      this.#gateway = await startGateway(config, this.#logger, {
        nats: this.#nats,
        thisMachineOnly: true,
        ...(this.#signal && { signal: this.#signal }),
      });
      this.#address = this.#gateway.http;
    });
  }

  kill(): Promise<void> {
    return this.#inTurn(async () => {
      const killed = this.#gateway;
      this.#gateway = undefined;
      await killed?.close();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.kill();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
