import { systemClock } from '../../../../common/clock.ts';
import { aborted, sleep } from '../../../../common/sleep.ts';
import type { NameOf } from '../catalogue.ts';
import type { Consequences } from '../consequences.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { NatsServers } from './nats-servers.ts';
import type { StreamAdmin } from './stream-admin.ts';

/** Messages that the stream holds while limits overtake cursors. */
const retainedMessages = 10;
/** How often what is beyond that is let go, in milliseconds. */
const retentionEveryMs = 50;

/** What faults behind the viewers' links can get hold of. */
export interface World {
  readonly gateways: readonly GatewayProcess[];
  readonly nats: NatsServers;
  readonly stream: StreamAdmin;
  readonly consequences: Consequences;
}

/** A fault behind the viewers' links. Resolves when it is over and what it struck works again. */
export type FaultBehind = (world: World, span: FaultSpan) => Promise<void>;

/** How long a fault lasts, and whom it strikes where there is a choice. */
export interface FaultSpan {
  /** Number of the fault: they take turns. */
  readonly turn: number;
  /** Aborts when the fault is to end. */
  readonly lifted: AbortSignal;
}

export const behind: Readonly<Record<NameOf<'behind' | 'cluster'>, FaultBehind>> = {
  'gateway-kill': (world, { turn }) => restartGateway(world, turn, 'SIGKILL'),
  'gateway-drain': (world, { turn }) => restartGateway(world, turn, 'SIGTERM'),
  'nats-kill': ({ nats }, { turn, lifted }) => restartNats(nats, turn % nats.count, lifted),
  async 'nats-pause'({ nats }, { turn, lifted }) {
    const index = turn % nats.count;
    nats.pause(index);
    await aborted(lifted);
    nats.resume(index);
  },
  'stream-purge': ({ stream, consequences }) =>
    consequences.removing(async () => {
      await stream.purge();
      return stream.firstSeq();
    }),
  'stream-recreate': ({ stream, consequences }) => consequences.recreating(() => stream.recreate()),
  retention: ({ stream, consequences }, { lifted }) =>
    consequences.removing(async () => {
      while (!lifted.aborted) {
        await stream.keep(retainedMessages);
        await sleep(systemClock, retentionEveryMs, lifted);
      }
      return stream.firstSeq();
    }),
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
