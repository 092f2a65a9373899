import assert from 'node:assert/strict';
import type { ProxyKind, Replacements } from '../helpers/documented-proxy.ts';
import { until } from '../helpers/poll.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';

/** Longer than what a busy machine may keep a heartbeat waiting. */
const TIME_OUT_S = 10;
const LASTS_MS = 2.2 * TIME_OUT_S * 1_000;

/**
 * A test that a viewer which only listens, to a room in which nothing happens, stays for longer than any time-out.
 * @param timeOuts that are documented, and are shortened for it: heartbeats are, too
 */
export function itKeepsIdleViewers(kind: ProxyKind, timeOuts: readonly string[]): void {
  it('viewers to whom nothing happens stay for longer than each time-out, by heartbeats', async () => {
    await using rig = await ProxyRig.start('--heartbeat', '200ms');
    const shortened = timeOuts.map((line) => [line, line.replace(/\d+s/, `${TIME_OUT_S}s`)]);
    const proxy = await rig.proxy(kind, Object.fromEntries(shortened) as Replacements);
    const viewers = [rig.viewer(proxy), rig.webSocketViewer(proxy)];
    for (const { client } of viewers) client.join('tea');
    const source = rig.eventViewer(proxy);
    await source.next('caught-up');
    await until('they are live', () => viewers.every(({ live }) => live));
    const end = performance.now() + LASTS_MS;
    await until('they have lasted for two of them', () => performance.now() > end);
    for (const viewer of viewers) {
      await until('nobody wonders whether it is there', () => viewer.client.state.kind !== 'suspect');
      assert.deepEqual([viewer.live, viewer.times('connecting')], [true, 1]);
    }
    assert.deepEqual([source.state, source.responses.length], ['open', 1]);
  });
}

/** A test that the time-outs between a proxy and the port of `--http` matter: they end both kinds of viewers that have no heartbeats. */
export function itCutsIdleWebViewers(kind: ProxyKind, title: string, changes: Replacements): void {
  it(`those by WebSocket and events would be cut off ${title}, without heartbeats`, async () => {
    await using rig = await ProxyRig.start('--heartbeat', '1h');
    const proxy = await rig.proxy(kind, changes);
    const viewer = rig.webSocketViewer(proxy);
    viewer.client.join('tea');
    const source = rig.eventViewer(proxy);
    await until(
      'the WebSocket was live, and is cut off',
      () => viewer.times('live') > 0 && viewer.times('backoff') > 0,
    );
    await source.next('joined', 2);
  });
}

/** A test that a time-out is one that matters: it ends the stream of an idle viewer, with a gateway that has these settings. */
export function itCutsIdleViewers(
  kind: ProxyKind,
  title: string,
  changes: Replacements,
  ...settings: string[]
): void {
  it(`that would be cut off ${title}`, async () => {
    await using rig = await ProxyRig.start(...settings);
    const viewer = rig.viewer(await rig.proxy(kind, changes));
    viewer.client.join('tea');
    await until('it was live, and is cut off', () => viewer.times('live') > 0 && viewer.times('backoff') > 0);
  });
}
