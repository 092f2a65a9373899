import { aborted } from '../../../common/sleep.ts';
import { bandwidth } from '../../links/faults/bandwidth.ts';
import { latency } from '../../links/faults/latency.ts';
import { stall } from '../../links/faults/stall.ts';
import { between } from '../chance.ts';
import type { BackendFaults } from './backend-fault.ts';

/** What affects the gateways' links to NATS. */
export const slowLinks: BackendFaults<'nats-slow' | 'nats-stall'> = {
  /** Gateways take turns, and then it is all of them: a slow one beside a fast one is told late what others know. */
  async 'nats-slow'({ gateways, links }, { turn, random, lifted }) {
    const delayMs = between(random, 10, 200);
    const faults = [
      latency({ delayMs, jitterMs: between(random, 0, 50) }, random),
      bandwidth(between(random, 50, 400) * 1_000),
    ];
    const struck = turn % (gateways.length + 1);
    const slow = links.apply(faults, struck === gateways.length ? undefined : struck);
    await aborted(lifted);
    slow.lift();
  },
  async 'nats-stall'({ links, consequences }, { lifted }) {
    const stalled = links.apply([stall]);
    const silent = { causes: ['NATS_UNREACHABLE'], blind: true, unstorable: false };
    await consequences.lasting(silent, () => aborted(lifted));
    stalled.lift();
  },
};
