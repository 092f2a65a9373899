import assert from 'node:assert/strict';
import type { Fault } from '../../chaos/links/fault.ts';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { oneWay } from '../../chaos/links/faults/one-way.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import type { LiveClient } from '../../client/index.ts';
import type { GatewayDependencies } from '../../server/gateway/gateway.ts';
import { passes, silenceBeforeGivingUp } from '../helpers/client-time.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { transports } from '../helpers/transports.ts';

const HEARTBEAT_MS = 200;
const PROBE_TIMEOUT_MS = 300;
/** What the client promises: docs of `silenceFactor`. */
const DETECTION_BOUND_MS = HEARTBEAT_MS * 2 + 250 + PROBE_TIMEOUT_MS;
const keepalive = { timeMs: 300, timeoutMs: 300 };

for (const transport of transports)
  describe(`Reliable: half-open connection by ${transport.name}`, () => {
    let nats: TestNats;
    let gateway: TestGateway;
    /** The client's. */
    let clock: ManualClock;
    let proxy: FaultProxy;
    let recorder: RunRecorder;
    let load: Load;

    beforeEach(async () => {
      nats = await startNats();
      clock = new ManualClock();
    });

    afterEach(async () => {
      await gateway.close();
      await proxy.close();
      await nats.stop();
    });

    async function start(dependencies: GatewayDependencies = {}): Promise<void> {
      gateway = await startTestGateway(nats.url, { heartbeatMs: HEARTBEAT_MS }, dependencies, transport);
      proxy = await FaultProxy.listen(gateway.target);
      recorder = new RunRecorder();
      load = new Load(recorder, { client: gateway.client(), room: 'tea', sender: 'ann' });
    }

    /** A viewer behind the proxy, that has got messages. */
    async function follow(options: Parameters<TestGateway['client']>[0] = {}): Promise<LiveClient> {
      const client = gateway.client({
        endpoints: [transport.endpointAt(proxy.address)],
        clock,
        probeTimeoutMs: PROBE_TIMEOUT_MS,
        backoff: { baseMs: 10, maxMs: 50 },
        ...options,
      });
      const viewer = recorder.follow(client, 'tea');
      await until('messages flow', () => viewer.messages.length > 20);
      return client;
    }

    const back = (client: LiveClient): Promise<unknown> =>
      passes(clock, 'the client is back', () => client.state.kind === 'live');

    /** Strikes; resolves with how long the client had heard nothing when it gave the connection up. */
    function detect(client: LiveClient, fault: Fault): Promise<number> {
      proxy.link(0).apply(fault);
      return silenceBeforeGivingUp(client, clock);
    }

    async function settle(): Promise<void> {
      await load.stop();
      assertGuarantees(await recorder.finish(gateway.client()), ['Resumable']);
    }

    it('is detected within the stated bound, torn down, and resumed without loss', async () => {
      await start();
      const client = await follow();
      const link = proxy.link(0);
      const tookMs = await detect(client, halfOpen);
      assert.ok(tookMs <= DETECTION_BOUND_MS, `detected after ${tookMs} ms of ${DETECTION_BOUND_MS}`);
      assert.equal(client.counters.probeFailures, 1);
      // Its own socket is gone; the gateway's end of the link was told nothing.
      await until('the client has destroyed its socket', () => link.openSockets <= 1);
      await back(client);
      await settle();
    });

    it('is let go of by the gateway, too: keepalive notices', async () => {
      await start({ keepalive });
      const client = await follow();
      await detect(client, halfOpen);
      await back(client);
      // The viewer and the publisher are left.
      await until(
        'the gateway has let go',
        () => gateway.stats.connections === 2 && gateway.stats.sessions === 2,
      );
      await settle();
    });

    it('with only the way to the viewer cut is no different', async () => {
      await start();
      const client = await follow();
      const tookMs = await detect(client, oneWay('down'));
      assert.ok(tookMs <= DETECTION_BOUND_MS, `detected after ${tookMs} ms of ${DETECTION_BOUND_MS}`);
      await back(client);
      await settle();
    });

    it('with only the way to the gateway cut is noticed by the client’s keepalive alone, in time', async () => {
      await start();
      const client = await follow({ keepalive });
      proxy.link(0).apply(oneWay('up'));
      await until('it has given the connection up', () => client.state.kind === 'backoff');
      await back(client);
      await settle();
    });

    it('with only the way to the gateway cut is noticed by the gateway’s keepalive alone', async () => {
      await start({ keepalive });
      const client = await follow();
      await detect(client, oneWay('up'));
      await back(client);
      await until('the gateway has let go', () => gateway.stats.sessions === 2);
      await settle();
    });
  });
