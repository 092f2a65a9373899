import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { spawnWithParent } from '../../common/node/end-with-parent.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { TestNats } from './nats-server.ts';
import { startNats } from './nats-server.ts';
import { until } from './poll.ts';
import { ServerProcess } from './server-process.ts';
import type { TempDir } from './temp-dir.ts';
import { tempDir } from './temp-dir.ts';

/** How a region is made. */
export interface RegionOptions {
  /** Its JetStream domain. */
  readonly domain: string;
  /** Servers of its NATS cluster; one is no cluster. */
  readonly servers: number;
  /** The region that its servers are leaf nodes of; absent: of none. */
  readonly hub?: Region;
}

/**
 * A NATS cluster with a JetStream domain of its own, and gateways, each with a leaf node beside it that stores nothing: all of it processes
 * of their own that can be lost together, and come back on the same ports and with the same stores.
 */
export class Region implements AsyncDisposable {
  readonly domain: string;
  readonly #servers: readonly TestNats[];
  /** Where leaf nodes reach its servers. */
  readonly #leafPorts: readonly number[];
  /** Where the servers of other regions do. */
  readonly #links: readonly FaultProxy[];
  readonly #sites: Site[] = [];

  /** Resolves when JetStream answers on every server, and reaches that of the hub. */
  static async start({ domain, servers: count, hub }: RegionOptions): Promise<Region> {
    const ports = await freePorts(2 * count);
    const [routePorts, leafPorts] = [ports.slice(0, count), ports.slice(count)];
    const routes = routePorts.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ');
    const remotes = hub === undefined ? '' : `, ${remotesTo(hub.#links.map(({ address }) => address))}`;
    const start = (index: number): Promise<TestNats> => {
      const lines = [
        `server_name: ${domain}-${index + 1}`,
        `jetstream { domain: ${domain} }`,
        // Who is told of further addresses would go around the links.
        `leafnodes { listen: "127.0.0.1:${leafPorts[index]}", no_advertise: true${remotes} }`,
      ];
      const cluster = `cluster { name: ${domain}, listen: "127.0.0.1:${routePorts[index]}", routes: [${routes}] }`;
      return startNats({ config: [...lines, ...(count > 1 ? [cluster] : [])].join('\n') });
    };
    const links = await Promise.all(leafPorts.map((port) => FaultProxy.listen({ host: '127.0.0.1', port })));
    const servers = await Promise.all(leafPorts.map((_, index) => start(index)));
    if (hub !== undefined) await Promise.all(servers.map(({ port }) => reaches(port, hub.domain)));
    return new Region(domain, servers, leafPorts, links);
  }

  private constructor(
    domain: string,
    servers: readonly TestNats[],
    leafPorts: readonly number[],
    links: readonly FaultProxy[],
  ) {
    this.domain = domain;
    this.#servers = servers;
    this.#leafPorts = leafPorts;
    this.#links = links;
  }

  /** Of its NATS servers, without a leaf node. */
  get urls(): string[] {
    return this.#servers.map(({ url }) => url);
  }

  get gateways(): readonly ServerProcess[] {
    return this.#sites.map(({ gateway }) => gateway);
  }

  /** `host:port` of each gateway, also while it does not run. */
  get endpoints(): string[] {
    return this.#sites.map(({ endpoint }) => endpoint);
  }

  /** Adds a leaf node and a gateway on it; resolves when that serves. */
  async addGateway(...flags: string[]): Promise<void> {
    const site = await Site.prepare(this.domain, this.#leafPorts, flags);
    this.#sites.push(site);
    await site.start();
  }

  /** SIGKILL to all that there is; resolves when it is gone. */
  async kill(): Promise<void> {
    await Promise.all([this.killGateways(), ...this.#servers.map((server) => server.kill())]);
  }

  /** What was killed starts again; resolves when its gateways serve. */
  async restart(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.restart()));
    await this.restartGateways();
  }

  /** Its gateways and their leaf nodes are killed, and start again. */
  async restartGateways(): Promise<void> {
    await this.killGateways();
    await Promise.all(this.#sites.map((site) => site.start()));
  }

  /** SIGKILL to its gateways and their leaf nodes. */
  async killGateways(): Promise<void> {
    await Promise.all(this.#sites.map((site) => site.kill()));
  }

  /** Keeps the servers of other regions from it, until `join`. */
  part(): void {
    for (const link of this.#links) {
      link.retarget({ host: '127.0.0.1', port: 1 });
      for (const each of link.links) each.destroy();
    }
  }

  /** They find it again. */
  join(): void {
    this.#links.forEach((link, index) =>
      link.retarget({ host: '127.0.0.1', port: this.#leafPorts[index] ?? 0 }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sites.map((site) => site.close()));
    await Promise.all(this.#servers.map((server) => server.stop()));
    await Promise.all(this.#links.map((link) => link.close()));
  }
}

/** A machine with a gateway on it, and the leaf node of that. */
class Site {
  readonly endpoint: string;
  readonly #domain: string;
  readonly #port: number;
  readonly #directory: TempDir;
  readonly #flags: readonly string[];
  #leaf: ChildProcess | undefined;
  #gateway: ServerProcess | undefined;

  static async prepare(
    domain: string,
    leafPorts: readonly number[],
    flags: readonly string[],
  ): Promise<Site> {
    const directory = await tempDir();
    const [port = 0, listen = 0] = await freePorts(2);
    const remotes = remotesTo(leafPorts.map((leafPort) => `127.0.0.1:${leafPort}`));
    const lines = [`server_name: leaf-${listen}`, `listen: "127.0.0.1:${port}"`, `leafnodes { ${remotes} }`];
    await writeFile(join(directory.path, 'leaf.conf'), lines.join('\n'));
    return new Site(domain, port, directory, `127.0.0.1:${listen}`, flags);
  }

  private constructor(
    domain: string,
    port: number,
    directory: TempDir,
    endpoint: string,
    flags: readonly string[],
  ) {
    this.#domain = domain;
    this.#port = port;
    this.#directory = directory;
    this.endpoint = endpoint;
    this.#flags = flags;
  }

  get gateway(): ServerProcess {
    if (this.#gateway === undefined) throw new Error('the gateway was never started');
    return this.#gateway;
  }

  async start(): Promise<void> {
    const config = join(this.#directory.path, 'leaf.conf');
    const log = await open(join(this.#directory.path, 'leaf.log'), 'a');
    const stdio = ['ignore', log.fd, log.fd] as const;
    this.#leaf = spawnWithParent(await findNatsServer(), ['--config', config], { stdio });
    await log.close();
    await reaches(this.#port, this.#domain);
    const settings = ['--listen', this.endpoint, '--js-domain', this.#domain, '--heartbeat', '500ms'];
    this.#gateway = new ServerProcess([
      '--nats',
      `nats://127.0.0.1:${this.#port}`,
      ...settings,
      ...this.#flags,
    ]);
    await this.#gateway.address();
  }

  async kill(): Promise<void> {
    await this.#gateway?.[Symbol.asyncDispose]();
    const leaf = this.#leaf;
    if (leaf?.exitCode !== null || leaf.signalCode !== null) return;
    leaf.kill('SIGKILL');
    await once(leaf, 'exit');
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** What leaf nodes of servers at these addresses have in their configuration. */
function remotesTo(addresses: readonly string[]): string {
  const urls = addresses.map((address) => `"nats-leaf://${address}"`);
  return `remotes: [{ urls: [${urls.join(', ')}] }], reconnect: "200ms"`;
}

/** Resolves when the JetStream of a domain answers by the server on `port`. */
async function reaches(port: number, domain: string): Promise<void> {
  await until(`the JetStream of ${domain} answers by port ${port}`, async () => {
    const nc = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
    try {
      return await nc.request(`$JS.${domain}.API.INFO`, '', { timeout: 500 });
    } finally {
      await nc.close();
    }
  });
}
