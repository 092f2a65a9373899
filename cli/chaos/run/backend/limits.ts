import { aborted } from '../../../../common/sleep.ts';
import { between } from '../chance.ts';
import type { FaultsBehind } from './behind.ts';

/** Less than any stream with messages holds. */
const nextToNothing = 1;

/** What is used up. */
export const limits: FaultsBehind<'limit-subscriptions' | 'limit-connections' | 'limit-storage'> = {
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
  async 'limit-storage'({ nats, consequences }, { lifted }) {
    await nats.restrict({ maxStoreBytes: nextToNothing });
    const full = { causes: ['STORAGE_FULL'], blind: false, unstorable: true };
    await consequences.lasting(full, () => aborted(lifted));
    await nats.restrict({});
  },
};
