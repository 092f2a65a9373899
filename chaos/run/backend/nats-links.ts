import type { Fault, FaultHandle } from '../../links/fault.ts';
import { rst } from '../../links/faults/rst.ts';
import { FaultProxy } from '../../links/proxy.ts';

/** The gateways' ways to NATS: each gateway reaches each nats-server by a fault proxy of its own. */
export class NatsLinks {
  /** By gateway, then by nats-server. */
  readonly #proxies: readonly (readonly FaultProxy[])[];

  /** @param ports on which the nats-servers wait for clients */
  static async open(gateways: number, ports: readonly number[]): Promise<NatsLinks> {
    const ways = Array.from({ length: gateways }, () =>
      Promise.all(ports.map((port) => FaultProxy.listen({ host: '127.0.0.1', port }))),
    );
    return new NatsLinks(await Promise.all(ways));
  }

  private constructor(proxies: readonly (readonly FaultProxy[])[]) {
    this.#proxies = proxies;
  }

  /** Where a gateway finds the nats-servers. */
  urlsOf(gateway: number): string[] {
    return (this.#proxies[gateway] ?? []).map(({ address }) => `nats://${address}`);
  }

  /**
   * Applies faults to the links of one gateway, new ones too, until they are lifted.
   * @param gateway undefined: of all
   */
  apply(faults: readonly Fault[], gateway?: number): { lift(): void } {
    const struck = gateway === undefined ? this.#proxies.flat() : (this.#proxies[gateway] ?? []);
    const handles: FaultHandle[] = struck.flatMap((proxy) => faults.map((fault) => proxy.applyAll(fault)));
    return {
      lift() {
        for (const handle of handles) handle.lift();
      },
    };
  }

  /** Resets every connection there is: gateways have to connect again. */
  cut(): void {
    this.apply([rst]).lift();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.flat().map((proxy) => proxy.close()));
  }
}
