import assert from 'node:assert/strict';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

describe('--subject-prefix', () => {
  it('keeps the rooms of two deployments on the same NATS servers apart', async () => {
    await using nats = await startNats();
    await using live = await startTestGateway(nats.url);
    await using shop = await startTestGateway(nats.url, { stream: 'SHOP', subjectPrefix: 'shop' });
    const [ofLive, ofShop] = [live, shop].map((gateway) => new Witness(gateway.client(), 'tea'));
    await Promise.all([ofLive?.caughtUp(), ofShop?.caughtUp()]);
    await using producer = await StockProducer.connect(nats.url);
    await producer.nc.jetstream().publish('shop.room.tea', 'from a stock client');
    await shop.client().publish('tea', { type: 'gift', payload: 'by the gateway' });
    await live.client().publish('tea', { type: 'gift', payload: 'of the other deployment' });
    await ofShop?.has(2);
    await ofLive?.has(1);
    assert.deepEqual(ofShop?.payloads, ['from a stock client', 'by the gateway']);
    assert.deepEqual(ofLive?.payloads, ['of the other deployment']);
    const audience = async (gateway: typeof live): Promise<number> =>
      (await gateway.client().room('tea')).audience;
    assert.deepEqual([await audience(live), await audience(shop)], [1, 1]);
  });
});
