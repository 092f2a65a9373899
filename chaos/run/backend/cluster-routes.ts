import { stall } from '../../links/faults/stall.ts';
import type { FaultHandle } from '../../links/fault.ts';
import { FaultProxy } from '../../links/proxy.ts';

/** An address that nobody listens on. */
const NOWHERE = '127.0.0.1:1';

/** From one server of the cluster to another. */
interface Route {
  readonly from: number;
  readonly to: number;
  readonly proxy: FaultProxy;
}

/**
 * The routes of a NATS cluster, each through a fault proxy: every server knows the others only by the proxies that were
 * made for it. What servers tell each other of further addresses leads nowhere, or they would go around the proxies.
 */
export class ClusterRoutes {
  readonly #ports: readonly number[];
  readonly #routes: readonly Route[];

  /** @param ports on which the servers wait for routes, one each */
  static async open(ports: readonly number[]): Promise<ClusterRoutes> {
    const pairs = ports.flatMap((_, from) => ports.map((port, to) => ({ from, to, port })));
    const routes = pairs
      .filter(({ from, to }) => from !== to)
      .map(async ({ from, to, port }) => {
        return { from, to, proxy: await FaultProxy.listen({ host: '127.0.0.1', port }) };
      });
    return new ClusterRoutes(ports, await Promise.all(routes));
  }

  private constructor(ports: readonly number[], routes: readonly Route[]) {
    this.#ports = ports;
    this.#routes = routes;
  }

  /** The `cluster` block in the configuration of the nats-server with this index. */
  configurationOf(index: number): object {
    const others = this.#routes.filter(({ from }) => from === index);
    return {
      name: 'chaos',
      listen: `127.0.0.1:${this.#ports[index]}`,
      routes: others.map(({ proxy }) => `nats://${proxy.address}`),
      cluster_advertise: NOWHERE,
      no_advertise: true,
    };
  }

  /** Cuts a server off from the others, silently: what is sent comes when the partition is over. */
  partition(index: number): { heal(): void } {
    const handles: FaultHandle[] = this.#routes
      .filter(({ from, to }) => from === index || to === index)
      .map(({ proxy }) => proxy.applyAll(stall));
    return {
      heal() {
        for (const handle of handles) handle.lift();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ proxy }) => proxy.close()));
  }
}
