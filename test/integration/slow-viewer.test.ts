import assert from 'node:assert/strict';
import { bandwidth } from '../../cli/chaos/links/faults/bandwidth.ts';
import { FaultProxy } from '../../cli/chaos/links/proxy.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

const BYTES_A_SECOND = 30_000;

describe('a viewer on a slow link', () => {
  it('gets a message that takes longer than any silence, and what is behind it, by one connection', async () => {
    await using nats = await startNats();
    // A heartbeat of 0.5 s: less than a twentieth of what the message takes.
    await using gateway = await startTestGateway(nats.url);
    await using producer = await StockProducer.connect(nats.url);
    await producer.publish('tea', 'before');
    await producer.publish('tea', Buffer.alloc(BYTES_A_SECOND * 15, 'x'));
    await producer.publish('tea', 'behind');
    const [host = '', port] = gateway.address.split(':');
    await using proxy = await FaultProxy.listen({ host, port: Number(port) });
    proxy.applyAll(bandwidth(BYTES_A_SECOND));
    const client = gateway.client({ endpoints: [proxy.address] });
    const told: number[] = [];
    const totals = new Set<number | undefined>();
    client.on('slow', (bytes, _ms, total) => {
      told.push(bytes);
      totals.add(total);
    });
    const viewer = new Witness(client, 'tea', { from: 'earliest' });
    await viewer.has(3);
    assert.equal(client.counters.connects, 1);
    assert.ok(told.length > 1 && told[1]! > told[0]!, told.join());
    const [total = 0, ...others] = [...totals].filter((size) => size !== undefined);
    assert.ok(total > BYTES_A_SECOND * 15 && total >= Math.max(...told), `${total} of ${told.join()}`);
    assert.deepEqual(others, []);
  });
});
