import assert from 'node:assert/strict';
import type { DocumentedProxy, ProxyKind, Replacements } from '../helpers/documented-proxy.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import type { ProxiedViewer } from '../helpers/proxy-rig.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { RunRecorder } from '../helpers/recorder.ts';

const VIEWERS = 20;

/** Restarts one gateway after the other while viewers watch through a proxy, until all of them are live again. */
export async function restartBoth(rig: ProxyRig, proxy: DocumentedProxy): Promise<readonly ProxiedViewer[]> {
  const recorder = new RunRecorder();
  const viewers = Array.from({ length: VIEWERS }, () => rig.viewer(proxy));
  for (const { client } of viewers) recorder.follow(client, 'tea');
  const publisher = rig.viewer(proxy);
  const load = new Load(recorder, { client: publisher.client, room: 'tea', sender: 'ann' });
  await flow(load);
  await until('all are live', () => viewers.every(({ live }) => live));
  for (const [index, gateway] of rig.gateways.entries()) {
    gateway.signal('SIGTERM');
    assert.equal(await gateway.exit(), 0);
    await rig.startGateway(index);
    await until('all are live again', () => viewers.every(({ live }) => live));
    await flow(load);
  }
  await load.stop();
  assertGuarantees(await recorder.finish(publisher.client));
  return viewers;
}

/** Waits until messages are stored. */
async function flow(load: Load): Promise<void> {
  const before = load.stored;
  await until('messages are stored', () => load.stored >= before + 50);
}

/**
 * A test of a rolling restart behind a proxy.
 * @param judge of what the proxy did
 */
export function describeRollingRestart(
  kind: ProxyKind,
  changes: Replacements,
  judge: (proxy: DocumentedProxy) => void,
): void {
  it(`${VIEWERS} viewers lose nothing when both gateways are restarted, and all are live again`, async () => {
    await using rig = await ProxyRig.start('--drain', '2s');
    const proxy = await rig.proxy(kind, changes);
    const viewers = await restartBoth(rig, proxy);
    for (const viewer of viewers) {
      assert.equal(viewer.times('backoff'), 0, 'it was never without a gateway');
      assert.ok(viewer.times('moving') <= rig.gateways.length, 'it was sent away once by each at most');
    }
    judge(proxy);
  });
}
