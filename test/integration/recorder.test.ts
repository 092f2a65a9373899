import assert from 'node:assert/strict';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { rebind } from '../../chaos/links/faults/rebind.ts';
import { rst } from '../../chaos/links/faults/rst.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { LiveClientOptions } from '../../client/index.ts';
import { LiveClient, MemoryCursorStore } from '../../client/index.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees, checkGuarantees } from '../helpers/guarantees.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';

const gift = { type: 'gift', payload: 'a rose' };

describe('a recorded run', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let proxy: FaultProxy;
  let viewers: LiveClient[];
  let publisher: LiveClient;

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startTestGateway(nats.url);
    const [host = '', port] = gateway.address.split(':');
    proxy = await FaultProxy.listen({ host, port: Number(port) });
    publisher = gateway.client();
    viewers = [];
  });

  afterEach(async () => {
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await proxy.close();
    await gateway.close();
    await nats.stop();
  });

  /** A client whose connections go through the proxy. */
  function viewer(options: Partial<LiveClientOptions> = {}): LiveClient {
    const client = new LiveClient({
      endpoints: [proxy.address],
      backoff: { baseMs: 20, maxMs: 200 },
      probeTimeoutMs: 300,
      ...options,
    });
    viewers.push(client);
    return client;
  }

  for (const fault of [rst, halfOpen, rebind]) {
    it(`holds all guarantees over ${fault.name}`, async () => {
      const run = new RunRecorder();
      await run.publish(publisher, 'demo', gift);
      const recording = run.follow(viewer(), 'demo', { join: { from: 'earliest' } });
      await until('the first message has come', () => recording.messages.length === 1);
      proxy.link(0).apply(fault);
      for (let count = 0; count < 20; count++) await run.publish(publisher, 'demo', gift);
      const verdict = assertGuarantees(await run.finish(publisher), ['Resumable']);
      assert.equal(verdict.delivered, 21);
    });
  }

  it('holds all guarantees over a restart of the viewer', async () => {
    const run = new RunRecorder();
    const cursorStore = new MemoryCursorStore();
    const join = { from: 'earliest', cursorName: 'mine' } as const;
    const first = viewer({ cursorStore });
    const recording = run.follow(first, 'demo', { join });
    for (let count = 0; count < 5; count++) await run.publish(publisher, 'demo', gift);
    await until('some messages have come', () => recording.messages.length > 2);
    await first.close();
    await recording.restarted('clean', cursorStore.load('mine', 'demo'));
    for (let count = 0; count < 5; count++) await run.publish(publisher, 'demo', gift);
    recording.follow(viewer({ cursorStore }));
    const verdict = assertGuarantees(await run.finish(publisher), ['Resumable']);
    assert.equal(verdict.delivered, 10);
  });

  it('shows a defect of the viewer', async () => {
    const run = new RunRecorder();
    const recording = run.follow(viewer(), 'demo', { join: { from: 'earliest' } });
    for (let count = 0; count < 3; count++) await run.publish(publisher, 'demo', gift);
    const history = await run.finish(publisher);
    const [second] = recording.messages.slice(1);
    recording.events.splice(second === undefined ? 0 : recording.events.indexOf(second), 1);
    const failures = checkGuarantees(history).results.filter(({ failed }) => failed > 0);
    assert.deepEqual(
      failures.map(({ guarantee, first }) => [guarantee, first?.kind, first?.seq]),
      [['Reliable', 'lost', second?.seq]],
    );
  });
});
