import type { Random } from '../../../../common/random.ts';
import { aborted } from '../../../../common/sleep.ts';
import type { NameOf } from '../catalogue.ts';
import type { Consequences } from '../consequences.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { limits } from './limits.ts';
import type { NatsLinks } from './nats-links.ts';
import type { NatsServers } from './nats-servers.ts';
import { permissions } from './permissions.ts';
import { slowLinks } from './slow-links.ts';
import type { StreamAdmin } from './stream-admin.ts';
import { streamFaults } from './stream-faults.ts';

/** What faults behind the viewers' links can get hold of. */
export interface World {
  readonly gateways: readonly GatewayProcess[];
  readonly nats: NatsServers;
  readonly links: NatsLinks;
  readonly stream: StreamAdmin;
  readonly consequences: Consequences;
}

/** A fault behind the viewers' links. Resolves when it is over and what it struck works again. */
export type FaultBehind = (world: World, span: FaultSpan) => Promise<void>;

/** Faults by name, as the catalogue has them. */
export type FaultsBehind<Name extends NameOf<'behind' | 'cluster'>> = Readonly<Record<Name, FaultBehind>>;

/** How long a fault lasts, and what the plan leaves open. */
export interface FaultSpan {
  /** Number of the fault: where there is a choice whom it strikes, they take turns. */
  readonly turn: number;
  readonly random: Random;
  /** Aborts when the fault is to end. */
  readonly lifted: AbortSignal;
}

export const behind: FaultsBehind<NameOf<'behind' | 'cluster'>> = {
  ...streamFaults,
  ...slowLinks,
  ...permissions,
  ...limits,
  'gateway-kill': (world, { turn }) => restartGateway(world, turn, 'SIGKILL'),
  'gateway-drain': (world, { turn }) => restartGateway(world, turn, 'SIGTERM'),
  async 'rolling-restart'(world) {
    for (const turn of world.gateways.keys()) await restartGateway(world, turn, 'SIGTERM');
  },
  'nats-kill': ({ nats }, { turn, lifted }) => restartNats(nats, turn % nats.count, lifted),
  async 'nats-pause'({ nats }, { turn, lifted }) {
    const index = turn % nats.count;
    nats.pause(index);
    await aborted(lifted);
    nats.resume(index);
  },
  async 'leader-kill'({ nats, stream }, { turn, lifted }) {
    const leader = await stream.leader();
    await restartNats(nats, leader === undefined ? turn % nats.count : nats.indexOf(leader), lifted);
  },
  'leader-stepdown': ({ stream }) => stream.stepDown(),
  async partition({ nats }, { turn, lifted }) {
    const partition = nats.routes?.partition(turn % nats.count);
    await aborted(lifted);
    partition?.heal();
  },
};

async function restartGateway(
  { gateways }: World,
  turn: number,
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<void> {
  const gateway = gateways[turn % gateways.length];
  await gateway?.end(signal);
  await gateway?.start();
}

async function restartNats(nats: NatsServers, index: number, lifted: AbortSignal): Promise<void> {
  await nats.kill(index);
  await aborted(lifted);
  await nats.restart(index);
}
