import assert from 'node:assert/strict';
import type { DocumentedProxy, ProxyKind } from '../helpers/documented-proxy.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import type { ProxiedViewer } from '../helpers/proxy-rig.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { RunRecorder } from '../helpers/recorder.ts';

const VIEWERS = 20;

/** What is watched while gateways come and go. */
interface Audience {
  readonly viewers: readonly ProxiedViewer[];
  readonly load: Load;
  /** Everybody is live, and messages flow. */
  settle(): Promise<void>;
  /** Ends the load. @throws when somebody has lost anything */
  finish(): Promise<void>;
}

async function gather(rig: ProxyRig, proxy: DocumentedProxy): Promise<Audience> {
  const recorder = new RunRecorder();
  const viewers = Array.from({ length: VIEWERS }, () => rig.viewer(proxy));
  for (const { client } of viewers) recorder.follow(client, 'tea');
  const { client } = rig.viewer(proxy);
  const load = new Load(recorder, { client, room: 'tea', sender: 'ann' });
  const audience: Audience = {
    viewers,
    load,
    async settle() {
      await flow(load);
      await until('all are live', () => viewers.every(({ live }) => live));
    },
    async finish() {
      await load.stop();
      assertGuarantees(await recorder.finish(client));
    },
  };
  await audience.settle();
  return audience;
}

/** Waits until messages are stored. */
async function flow(load: Load): Promise<void> {
  const before = load.stored;
  await until('messages are stored', () => load.stored >= before + 50);
}

/** Tests of gateways that are restarted, and that die, behind a proxy that is configured as documented. */
export function itSurvivesGatewaysThatGo(kind: ProxyKind): void {
  it(`${VIEWERS} viewers lose nothing when both gateways are restarted, and each finds the next at once`, async () => {
    await using rig = await ProxyRig.start('--drain', '2s');
    const audience = await gather(rig, await rig.proxy(kind));
    for (const [index, gateway] of rig.gateways.entries()) {
      gateway.signal('SIGTERM');
      assert.equal(await gateway.exit(), 0);
      await rig.startGateway(index);
      await audience.settle();
    }
    await audience.finish();
    for (const viewer of audience.viewers) {
      // On a busy machine some are not gone by the end of the drain, and are cut off: once by each.
      assert.ok(viewer.times('backoff') <= rig.gateways.length, 'it found the next one at once');
      assert.ok(viewer.times('moving') <= rig.gateways.length, 'it was sent away once by each at most');
    }
  });

  it(`${VIEWERS} viewers lose nothing when a gateway dies for good`, async () => {
    await using rig = await ProxyRig.start();
    const audience = await gather(rig, await rig.proxy(kind));
    await rig.gateways[0]![Symbol.asyncDispose]();
    await audience.settle();
    await audience.finish();
  });
}
