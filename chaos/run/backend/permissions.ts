import { aborted } from '../../../common/sleep.ts';
import type { Outage, TimeSpan } from '../../oracle/history.ts';
import type { BackendFault, BackendFaults } from './backend-fault.ts';
import type { Restrictions } from './nats-configuration.ts';

/** A permission is taken from the gateways on every nats-server, and given back. */
function without(restrictions: Restrictions, outage: Omit<Outage, keyof TimeSpan>): BackendFault {
  return async ({ nats, consequences }, { lifted }) => {
    await nats.restrict(restrictions);
    await consequences.lasting(outage, () => aborted(lifted));
    await nats.restrict({});
  };
}

/** What gateways are not permitted to do any more. */
export const permissions: BackendFaults<'deny-consumers' | 'deny-reads' | 'deny-feed' | 'deny-publish'> = {
  'deny-consumers': without(
    { noPublish: ['$JS.API.CONSUMER.CREATE.>', '$JS.API.CONSUMER.DURABLE.CREATE.>'] },
    { causes: ['READS_FAILING'], blind: false, unstorable: false },
  ),
  'deny-reads': without(
    { noPublish: ['$JS.API.STREAM.INFO.LIVE', '$JS.API.STREAM.MSG.GET.LIVE', '$JS.API.DIRECT.GET.LIVE.>'] },
    { causes: ['READS_FAILING'], blind: true, unstorable: false },
  ),
  'deny-feed': without(
    { noSubscribe: ['live.feed.>'] },
    { causes: ['FEED_MISSING'], blind: false, unstorable: false },
  ),
  'deny-publish': without(
    { noPublish: ['live.room.>'] },
    { causes: ['PUBLISHES_FAILING'], blind: false, unstorable: true },
  ),
};
