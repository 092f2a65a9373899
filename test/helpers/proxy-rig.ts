import type { ConnectionState, LiveClientOptions } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { Authority } from './certificates.ts';
import type { Identity } from './certificates.ts';
import type { ProxyKind, ProxySite, Replacements } from './documented-proxy.ts';
import { DocumentedProxy } from './documented-proxy.ts';
import type { EventSourceOptions } from './event-source.ts';
import { HandEventSource } from './event-source.ts';
import type { TestNats } from './nats-server.ts';
import { startNats } from './nats-server.ts';
import { ServerProcess } from './server-process.ts';
import type { TempDir } from './temp-dir.ts';
import { tempDir } from './temp-dir.ts';

/** What becomes of connections is the proxy's doing: no viewer gives one up because the machine is busy. In milliseconds. */
const PATIENCE_MS = 100_000;

/** Two gateways as processes of their own, and proxies and viewers in front of them. */
export class ProxyRig implements AsyncDisposable {
  readonly #directory: TempDir;
  readonly #authority: Authority;
  readonly #identity: Identity;
  readonly #nats: TestNats;
  readonly #clients: LiveClient[] = [];
  readonly #proxies: DocumentedProxy[] = [];
  readonly #sources: HandEventSource[] = [];
  readonly #settings: readonly string[];
  readonly gateways: ServerProcess[] = [];
  readonly addresses: ProxySite['gateways'];

  private constructor(
    directory: TempDir,
    authority: Authority,
    identity: Identity,
    nats: TestNats,
    addresses: ProxySite['gateways'],
    settings: readonly string[],
  ) {
    this.#directory = directory;
    this.#authority = authority;
    this.#identity = identity;
    this.#nats = nats;
    this.#settings = settings;
    this.addresses = addresses;
  }

  /** @param settings of the gateways, as on their command line */
  static async start(...settings: string[]): Promise<ProxyRig> {
    const directory = await tempDir();
    const authority = await Authority.create(directory.path);
    const [a, b, c, d] = (await freePorts(4)).map((port) => `127.0.0.1:${port}`) as [
      string,
      string,
      string,
      string,
    ];
    const rig = new ProxyRig(
      directory,
      authority,
      await authority.issue(),
      await startNats(),
      [
        { grpc: a, web: b },
        { grpc: c, web: d },
      ],
      settings,
    );
    for (const index of rig.addresses.keys()) await rig.startGateway(index);
    return rig;
  }

  /** The certificate of the authority that proxies' certificates are signed by. */
  get ca(): string {
    return this.#authority.ca;
  }

  /** What the gateways have logged, and still run to tell. */
  get log(): Record<string, unknown>[] {
    return this.gateways.flatMap((gateway) => gateway.log);
  }

  /** The sum of a metric over the gateways; they have to be started with `--metrics`. */
  async metric(name: string): Promise<number> {
    let sum = 0;
    for (const gateway of this.gateways) {
      const { metrics } = gateway.log.find(({ msg }) => msg === 'ready') ?? {};
      const text = await (await fetch(`http://${String(metrics)}/metrics`)).text();
      sum += Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    }
    return sum;
  }

  /** Starts the gateway of an address, for the first time or again. */
  async startGateway(index: number): Promise<void> {
    const { grpc, web } = this.addresses[index]!;
    const settings = ['--listen', grpc, '--http', web, ...this.#settings];
    this.gateways[index] = await ServerProcess.start(this.#nats.url, ...settings);
  }

  /** Starts a proxy in front of both. @param gateways where it reaches them */
  async proxy(
    kind: ProxyKind,
    changes: Replacements = {},
    gateways = this.addresses,
  ): Promise<DocumentedProxy> {
    const site = {
      directory: this.#directory.path,
      gateways,
      identity: this.#identity,
    };
    const proxy = await DocumentedProxy.start(kind, site, changes);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A viewer that knows no other address than the proxy's. */
  viewer(
    { endpoint }: Pick<DocumentedProxy, 'endpoint'>,
    options: Partial<LiveClientOptions> = {},
  ): ProxiedViewer {
    const client = new LiveClient({
      endpoints: [endpoint],
      tls: { ca: this.#authority.ca },
      connectTimeoutMs: PATIENCE_MS,
      probeTimeoutMs: PATIENCE_MS,
      ...options,
    });
    this.#clients.push(client);
    return new ProxiedViewer(client);
  }

  /** A viewer by WebSocket that knows no other address than the proxy's. */
  webSocketViewer({ webSocketEndpoint }: DocumentedProxy): ProxiedViewer {
    return this.viewer({ endpoint: webSocketEndpoint });
  }

  /** One by server-sent events. @param query of the room's address */
  eventViewer({ endpoint }: DocumentedProxy, query = '', options: EventSourceOptions = {}): HandEventSource {
    const source = new HandEventSource(`${endpoint}/v1/rooms/tea/events${query}`, {
      ca: this.ca,
      ...options,
    });
    this.#sources.push(source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) source.close();
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const proxy of this.#proxies) await proxy[Symbol.asyncDispose]();
    for (const gateway of this.gateways) await gateway[Symbol.asyncDispose]();
    await this.#nats.stop();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** A client, and what became of its connections. */
export class ProxiedViewer {
  readonly client: LiveClient;
  readonly states: ConnectionState[] = [];

  constructor(client: LiveClient) {
    this.client = client;
    client.on('state', (state) => this.states.push(state));
  }

  get live(): boolean {
    return this.client.state.kind === 'live';
  }

  /** How often it was in such a state. */
  times(kind: ConnectionState['kind']): number {
    return this.states.filter((state) => state.kind === kind).length;
  }
}
