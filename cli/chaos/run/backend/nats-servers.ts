import { join } from 'node:path';
import { findNatsServer } from '../../../../server/nats/binary.ts';
import type { NatsProcess } from '../../../../server/nats/process.ts';
import { launchNats } from '../../../../server/nats/process.ts';
import { ClusterRoutes } from './cluster-routes.ts';
import { freePorts } from './ports.ts';

/** The nats-servers of a run: one, or a cluster. Each keeps its port and its store when it is started again. */
export class NatsServers {
  readonly urls: readonly string[];
  readonly routes: ClusterRoutes | undefined;
  private readonly launch: (index: number) => Promise<NatsProcess>;
  private readonly running: NatsProcess[] = [];

  /** Starts them; resolves when JetStream answers on every one. */
  static async start(directory: string, count: number): Promise<NatsServers> {
    const binary = await findNatsServer();
    const ports = await freePorts(count);
    const routes = count > 1 ? await ClusterRoutes.open(await freePorts(count)) : undefined;
    const servers = new NatsServers(ports, routes, (index) =>
      launchNats({
        binary,
        directory: join(directory, nameOf(index)),
        port: ports[index] ?? 0,
        args: ['--server_name', nameOf(index), ...(routes?.argumentsOf(index) ?? [])],
      }),
    );
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
    ports: readonly number[],
    routes: ClusterRoutes | undefined,
    launch: (index: number) => Promise<NatsProcess>,
  ) {
    this.urls = ports.map((port) => `nats://127.0.0.1:${port}`);
    this.routes = routes;
    this.launch = launch;
  }

  get count(): number {
    return this.urls.length;
  }

  /**
   * The index of the server with this name.
   * @throws if there is none
   */
  indexOf(name: string): number {
    const index = this.running.findIndex((_, candidate) => nameOf(candidate) === name);
    if (index === -1) throw new Error(`no nats-server of this run is called ${name}`);
    return index;
  }

  /** SIGKILL; resolves when the process is gone. Its store stays. */
  async kill(index: number): Promise<void> {
    const server = this.at(index);
    server.signal('SIGKILL');
    await server.exited;
  }

  /** Starts one that does not run; resolves when JetStream answers. */
  async restart(index: number): Promise<void> {
    this.running[index] = await this.launch(index);
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  pause(index: number): void {
    this.at(index).signal('SIGSTOP');
  }

  resume(index: number): void {
    this.at(index).signal('SIGCONT');
  }

  /** SIGKILL to all: nothing of theirs is to be kept. */
  async close(): Promise<void> {
    await Promise.all(
      this.running.map(async (server) => {
        server.signal('SIGKILL');
        await server.exited;
      }),
    );
    await this.routes?.close();
  }

  private at(index: number): NatsProcess {
    const server = this.running[index];
    if (server === undefined) throw new Error(`there is no nats-server ${index}`);
    return server;
  }
}

const nameOf = (index: number): string => `nats-${index + 1}`;
