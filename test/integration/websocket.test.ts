import assert from 'node:assert/strict';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { WebSocketViewer } from '../helpers/web-socket-viewer.ts';

describe('Resumable: viewers by WebSocket', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let http: string;

  before(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    http = gateway.http!;
  });

  after(async () => {
    await gateway.close();
    await nats.stop();
  });

  const gift = (key: string, payload = 'rose') => ({
    request: { room: 'tea', type: 'gift', key, payload: Buffer.from(payload) },
  });

  it('get what viewers by gRPC get, and resume where they were', async () => {
    using viewer = WebSocketViewer.hello(http);
    await viewer.next('welcome');
    assert.equal(viewer.socket.protocol, 'live.v1');
    viewer.send({ join: { room: 'tea', start: { live: {} } } });
    const { cursor } = await viewer.next('joined');
    await viewer.next('caughtUp');
    viewer.send({ publish: { requestId: 1, ...gift('one') } });
    const { results } = await viewer.next('publishResults');
    assert.ok(results[0]?.published);
    const { reliable } = await viewer.next('batch');
    assert.deepEqual(
      reliable.map(({ payload }) => payload.toString()),
      ['rose'],
    );
    viewer.socket.close();
    assert.deepEqual(await viewer.ended(), { code: 1000, reason: 'OK' });

    using resumed = WebSocketViewer.hello(http);
    resumed.send({ join: { room: 'tea', cursor } });
    const { outcome } = await resumed.next('joined');
    assert.equal(outcome, 'OUTCOME_RESUMED');
    const replay = await resumed.next('batch');
    assert.deepEqual(
      replay.reliable.map(({ seq }) => seq),
      reliable.map(({ seq }) => seq),
    );
  });
});
