import { aborted } from '../../../common/sleep.ts';
import { between } from '../chance.ts';
import type { BackendFaults } from './backend-fault.ts';

/** Less than any stream with messages holds. */
const NEXT_TO_NOTHING = 1;

/** What is used up. */
export const limits: BackendFaults<'limit-subscriptions' | 'limit-connections' | 'limit-storage'> = {
  /** Only who subscribes anew meets the limit: gateways have to connect again. */
  async 'limit-subscriptions'({ nats, links }, { random, lifted }) {
    await nats.restrict({ maxSubscriptions: between(random, 2, 8) });
    links.cut();
    await aborted(lifted);
    await nats.restrict({});
  },
  /** One of the servers takes no more clients, and sends most of those away that it has. */
  async 'limit-connections'({ nats, links }, { turn, lifted }) {
    const index = turn % nats.count;
    await nats.restrict({ maxConnections: 1 }, [index]);
    links.cut();
    await aborted(lifted);
    await nats.restrict({}, [index]);
  },
  /**
   * The servers of a cluster learn of the limit, and of its end, one after the other. One that may not store what the leader
   * still or already accepts falls out of step, and loses what was acknowledged: so nothing is under way when the limit
   * comes, and the leader learns last when it has gone.
   */
  async 'limit-storage'({ nats, stream, consequences }, { lifted }) {
    await consequences.quietly(() => nats.restrict({ maxStoreBytes: NEXT_TO_NOTHING }));
    const full = { causes: ['STORAGE_FULL'], blind: false, unstorable: true };
    await consequences.lasting(full, () => aborted(lifted));
    const leader = await stream.leader();
    const last = leader === undefined ? 0 : nats.indexOf(leader);
    const others = [...nats.ports.keys()].filter((index) => index !== last);
    await nats.restrict({}, others);
    await nats.restrict({}, [last]);
  },
};
