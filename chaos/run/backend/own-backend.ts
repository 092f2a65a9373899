import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from '../../../common/units.ts';
import { formatAddress } from '../../../common/units.ts';
import type { PlannedFault, RunTransport } from '../../record/recording.ts';
import { isFaultName, isOfKind } from '../catalogue.ts';
import { endpointAt } from '../transport.ts';
import type { Application, Backend } from './backend.ts';
import type { FaultTargets } from './backend-fault.ts';
import { backendFaults } from './backend-faults.ts';
import { GatewayProcess, HEARTBEAT_MS } from './gateway-process.ts';
import { NatsLinks } from './nats-links.ts';
import { NatsServers } from './nats-servers.ts';
import { freePorts } from './ports.ts';
import { StreamAdmin } from './stream-admin.ts';

/** How many of each are run, and what for. */
export interface BackendOptions {
  /** Viewers of one that is restarted go on at the others. */
  readonly gateways: number;
  /** 1, or the size of a cluster in which every server has a copy of the stream. */
  readonly natsServers: number;
  readonly transport: RunTransport;
}

/** Gateways and one or several nats-servers of the tool's own, in a temporary directory. */
export class OwnBackend implements Backend {
  readonly gateways: readonly Address[];
  readonly endpoints: readonly string[];
  readonly heartbeatMs = HEARTBEAT_MS;
  readonly own = true;
  readonly failed: Promise<never>;
  readonly #targets: Omit<FaultTargets, 'consequences'>;
  readonly #directory: string;

  static async start({
    gateways: gatewayCount,
    natsServers,
    transport,
  }: BackendOptions): Promise<OwnBackend> {
    const directory = await mkdtemp(join(tmpdir(), 'live-chaos-'));
    const undo: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
    try {
      const nats = await NatsServers.start(directory, natsServers);
      undo.push(() => nats.close());
      const links = await NatsLinks.open(gatewayCount, nats.ports);
      undo.push(() => links.close());
      const stream = await StreamAdmin.connect(nats.urls);
      undo.push(() => stream.close());
      const ports = await freePorts(gatewayCount);
      const gateways = ports.map((port, index) => {
        const name = `gateway-${index + 1}`;
        return new GatewayProcess({
          name,
          port,
          transport,
          nats: links.urlsOf(index),
          replicas: natsServers,
          directory,
        });
      });
      undo.push(() => Promise.all(gateways.map((gateway) => gateway.end('SIGKILL'))));
      await Promise.all(gateways.map((gateway) => gateway.start()));
      return new OwnBackend({ gateways, nats, links, stream }, directory, transport);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  private constructor(
    targets: Omit<FaultTargets, 'consequences'>,
    directory: string,
    transport: RunTransport,
  ) {
    this.#targets = targets;
    this.#directory = directory;
    this.gateways = targets.gateways.map(({ target }) => target);
    this.endpoints = this.gateways.map((gateway) => endpointAt(formatAddress(gateway), transport));
    this.failed = Promise.race(targets.gateways.map(({ failed }) => failed));
    this.failed.catch(() => undefined);
  }

  apply({ fault, name }: PlannedFault, { consequences, ...how }: Application): Promise<void> {
    if (!isFaultName(name) || isOfKind(name, 'viewer') || isOfKind(name, 'pool'))
      throw new Error(`${name} is no backend fault`);
    return backendFaults[name]({ ...this.#targets, consequences }, { turn: fault, ...how });
  }

  epoch(): Promise<string | undefined> {
    return this.#targets.stream.epoch().catch(() => undefined);
  }

  async historyReads(): Promise<number> {
    const reads = await Promise.all(this.#targets.gateways.map((gateway) => gateway.historyReads()));
    return reads.reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    const { gateways, nats, links, stream } = this.#targets;
    await Promise.all(gateways.map((gateway) => gateway.end('SIGKILL')));
    await stream.close();
    await links.close();
    await nats.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
