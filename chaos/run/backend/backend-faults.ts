import { aborted } from '../../../common/sleep.ts';
import type { NameOf } from '../catalogue.ts';
import type { BackendFaults, FaultTargets } from './backend-fault.ts';
import { limits } from './limits.ts';
import type { NatsServers } from './nats-servers.ts';
import { permissions } from './permissions.ts';
import { slowLinks } from './slow-links.ts';
import { streamFaults } from './stream-faults.ts';

export const backendFaults: BackendFaults<NameOf<'backend' | 'cluster'>> = {
  ...streamFaults,
  ...slowLinks,
  ...permissions,
  ...limits,
  'gateway-kill': (targets, { turn }) => restartGateway(targets, turn, 'SIGKILL'),
  'gateway-drain': (targets, { turn }) => restartGateway(targets, turn, 'SIGTERM'),
  async 'rolling-restart'(targets) {
    for (const turn of targets.gateways.keys()) await restartGateway(targets, turn, 'SIGTERM');
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
  { gateways }: FaultTargets,
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
