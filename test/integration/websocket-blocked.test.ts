import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { UpgradeBlocker } from '../helpers/upgrade-blocker.ts';

describe('Resumable: where nothing but plain GET comes through to a gateway', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let producer: StockProducer;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    producer = await StockProducer.connect(nats.url);
  });

  after(async () => {
    await producer.close();
    await gateway.close();
    await nats.stop();
  });

  for (const [blocking, told] of [
    [
      'refuses',
      /HTTP 403 in place of a WebSocket: something between here and the gateway .* refuses the Upgrade/,
    ],
    [
      'strips',
      /HTTP 426: here WebSockets are served: .* something between it and the gateway \(a proxy\) has taken it away/,
    ],
  ] as const)
    it(`because something ${blocking} the Upgrade, the client by WebSocket is told so, and viewers by events have everything`, async () => {
      await using blocker = await UpgradeBlocker.start(gateway.http!, blocking);
      const client = new LiveClient({ endpoints: [`ws://${blocker.address}`] });
      client.join(blocking);
      const state = await until('it has failed', () =>
        client.state.kind === 'backoff' ? client.state : undefined,
      );
      await client.close();
      assert.match(state.cause.message, told);

      const viewer = new HandEventSource(
        `http://${blocker.address}/v1/rooms/${blocking}/events?from=earliest`,
      );
      try {
        await viewer.next('caught-up');
        viewer.retryMs = 10;
        await producer.burst(blocking, ['1', '2', '3']);
        await viewer.next('message', 3);
        viewer.retryMs = 10;
        blocker.cut();
        await producer.burst(blocking, ['4', '5', '6']);
        await viewer.next('message', 6);
        assert.deepEqual([...viewer.payloads].sort(), ['1', '2', '3', '4', '5', '6']);
        assert.deepEqual([viewer.responses.length, viewer.all('gap').length], [2, 0]);
      } finally {
        viewer.close();
      }
    });

  it('whoever asks for no WebSocket where they are served is told that', async () => {
    const answered = await fetch(`http://${gateway.http}/v1/connect`);
    assert.equal(answered.status, 426);
    assert.equal(answered.headers.get('upgrade'), 'websocket');
    assert.equal((await fetch(`http://${gateway.http}/v1/connected`)).status, 404);
  });
});
