import assert from 'node:assert/strict';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';

describe('metrics', () => {
  it('tells Prometheus what the gateway has open', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { metrics: { host: '127.0.0.1', port: 0 } });
    const subscription = gateway.client({ clock: quickClock }).join('measured');
    const iterator = subscription[Symbol.asyncIterator]();
    const joined = await iterator.next();
    assert.ok(joined.done !== true && joined.value.kind === 'joined');
    await until('the session shows', async () => {
      const response = await fetch(`http://${gateway.metrics}/metrics`);
      const text = await response.text();
      return /^live_gateway_sessions 1$/m.test(text) && /^live_gateway_rooms 1$/m.test(text);
    });
    await gateway.client().publish('measured', { type: 'gift', payload: '1' });
    await until('a message waits for the application', () => gateway.stats.unacknowledged === 1);
    let handled: unknown;
    while (handled !== 'message') handled = (await iterator.next()).value?.kind;
    void iterator.next();
    await until('the application has confirmed it', () => gateway.stats.unacknowledged === 0);
    const response = await fetch(`http://${gateway.metrics}/metrics`);
    const text = await response.text();
    assert.match(text, /^live_gateway_repairs_total \d+$/m);
    assert.match(text, /^live_gateway_ephemeral_dropped_total 0$/m);
    assert.match(text, /^live_gateway_ephemeral_sampled_out_total 0$/m);
    assert.match(text, /^live_gateway_compression_saved_bytes_total 0$/m);
    const elsewhere = await fetch(`http://${gateway.metrics}/`);
    assert.equal(elsewhere.status, 404);
  });
});
