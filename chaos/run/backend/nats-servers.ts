import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../common/clock.ts';
import { withDeadline } from '../../../common/deadline.ts';
import { sleep } from '../../../common/sleep.ts';
import { findNatsServer } from '../../../nats-server/binary.ts';
import type { NatsProcess } from '../../../nats-server/process.ts';
import { launchNats, logFile, storeDirectory } from '../../../nats-server/process.ts';
import { ClusterRoutes } from './cluster-routes.ts';
import type { NatsIdentity, Restrictions } from './nats-configuration.ts';
import { natsConfiguration } from './nats-configuration.ts';
import { freePorts } from './ports.ts';

/** How long a server may take to read its configuration again, and how often is looked, in milliseconds. */
const RELOAD_MS = 10_000;
const LOOK_EVERY_MS = 10;

/** What a server writes into its log when it has read its configuration again, or has refused to. */
const reloaded = /Reloaded server configuration|Failed to reload server configuration: .*/g;

/** The nats-servers of a run: one, or a cluster. Each keeps its port and its store when it is started again. */
export class NatsServers {
  readonly ports: readonly number[];
  readonly routes: ClusterRoutes | undefined;
  readonly #binary: string;
  readonly #directory: string;
  readonly #running: NatsProcess[] = [];

  /** Starts them; resolves when JetStream answers on every one. */
  static async start(directory: string, count: number): Promise<NatsServers> {
    const binary = await findNatsServer();
    // All at once: what was free may be given out again.
    const free = await freePorts(2 * count);
    const ports = free.slice(0, count);
    const routes = count > 1 ? await ClusterRoutes.open(free.slice(count)) : undefined;
    const servers = new NatsServers(binary, directory, ports, routes);
    await servers.#configure({});
    // A cluster answers when most of it is there: they start together.
    const starts = await Promise.allSettled(ports.map((_, index) => servers.restart(index)));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed !== undefined) {
      await servers.close();
      throw failed.reason;
    }
    return servers;
  }

  private constructor(
    binary: string,
    directory: string,
    ports: readonly number[],
    routes: ClusterRoutes | undefined,
  ) {
    this.#binary = binary;
    this.#directory = directory;
    this.ports = ports;
    this.routes = routes;
  }

  get count(): number {
    return this.ports.length;
  }

  /** Where the servers are, without a proxy. */
  get urls(): readonly string[] {
    return this.ports.map((port) => `nats://127.0.0.1:${port}`);
  }

  /**
   * The index of the server with this name.
   * @throws if there is none
   */
  indexOf(name: string): number {
    const index = this.#running.findIndex((_, candidate) => nameOf(candidate) === name);
    if (index === -1) throw new Error(`no nats-server of this run is called ${name}`);
    return index;
  }

  /** SIGKILL; resolves when the process is gone. Its store stays. */
  async kill(index: number): Promise<void> {
    const server = this.#at(index);
    server.signal('SIGKILL');
    await server.exited;
  }

  /** Starts one that does not run; resolves when JetStream answers. */
  async restart(index: number): Promise<void> {
    this.#running[index] = await launchNats({
      binary: this.#binary,
      directory: this.#directoryOf(index),
      port: this.ports[index] ?? 0,
      config: this.#configurationOf(index),
    });
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  pause(index: number): void {
    this.#at(index).signal('SIGSTOP');
  }

  resume(index: number): void {
    this.#at(index).signal('SIGCONT');
  }

  /**
   * Has servers read another configuration; resolves when it is in force.
   * @param restrictions all that are to be in force then
   * @param indexes which servers; all unless said
   * @throws when a server refuses it
   */
  async restrict(
    restrictions: Restrictions,
    indexes: readonly number[] = [...this.ports.keys()],
  ): Promise<void> {
    await this.#configure(restrictions, indexes);
    await Promise.all(indexes.map((index) => this.#reload(index)));
  }

  /** SIGKILL to all: nothing of theirs is to be kept. */
  async close(): Promise<void> {
    await Promise.all(
      this.#running.map(async (server) => {
        server.signal('SIGKILL');
        await server.exited;
      }),
    );
    await this.routes?.close();
  }

  async #configure(
    restrictions: Restrictions,
    indexes: readonly number[] = [...this.ports.keys()],
  ): Promise<void> {
    for (const index of indexes) {
      await mkdir(this.#directoryOf(index), { recursive: true });
      await writeFile(this.#configurationOf(index), natsConfiguration(this.#identityOf(index), restrictions));
    }
  }

  async #reload(index: number): Promise<void> {
    const before = (await this.#reloadsOf(index)).length;
    this.#at(index).signal('SIGHUP');
    const outcome = await withDeadline({ clock: systemClock, ms: RELOAD_MS }, async (late) => {
      for (;;) {
        const news = (await this.#reloadsOf(index))[before];
        if (news !== undefined) return news;
        late.throwIfAborted();
        await sleep(systemClock, LOOK_EVERY_MS, late);
      }
    });
    if (outcome.startsWith('Failed')) throw new Error(`${nameOf(index)}: ${outcome}`);
  }

  async #reloadsOf(index: number): Promise<string[]> {
    return (await readFile(logFile(this.#directoryOf(index)), 'utf8')).match(reloaded) ?? [];
  }

  #identityOf(index: number): NatsIdentity {
    return {
      name: nameOf(index),
      storeDirectory: storeDirectory(this.#directoryOf(index)),
      cluster: this.routes?.configurationOf(index),
    };
  }

  #directoryOf(index: number): string {
    return join(this.#directory, nameOf(index));
  }

  #configurationOf(index: number): string {
    return join(this.#directoryOf(index), 'nats.conf');
  }

  #at(index: number): NatsProcess {
    const server = this.#running[index];
    if (server === undefined) throw new Error(`there is no nats-server ${index}`);
    return server;
  }
}

const nameOf = (index: number): string => `nats-${index + 1}`;
