import assert from 'node:assert/strict';
import type { BrowserContext, CDPSession } from 'playwright-core';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { until } from '../helpers/poll.ts';
import type { ViewerPage } from './browser.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

/** Longer than a timer of a page may be late without the page having slept, in milliseconds. */
const SLEEP_MS = 7_000;

describe('Resumable, Reliable: a viewer in a page that was away', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  let last: ViewerPage | undefined;
  const there = (): BrowserRig => rig!;

  before(async function () {
    // Nothing here comes from silence: with this heartbeat that would take longer than tests wait.
    rig = await startBrowserRig(this, { heartbeatMs: 3_600_000 });
  });
  after(() => rig?.close());

  beforeEach(async () => {
    profile = await there().browser.profile();
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log(await whatIs(last!));
    await profile.close();
  });

  /** What a page did, for whoever reads why a test failed. */
  async function whatIs(tab: ViewerPage): Promise<string> {
    const visibility = await tab.page.evaluate('document.visibilityState');
    const [states, counters] = [await tab.get('states'), await tab.get('counters')];
    return JSON.stringify({ visibility, states, counters });
  }

  /** A tab whose viewer is live, and has seen one message. */
  async function watching(room: string): Promise<{ tab: ViewerPage; devtools: CDPSession }> {
    const { browser, endpoints, producer } = there();
    const tab = (last = await browser.tab(profile));
    await tab.start({ endpoints, rooms: [room], join: { from: 'earliest' } });
    await producer.publish(room, 'before');
    await tab.sees('caught-up', 'message before');
    return { tab, devtools: await profile.newCDPSession(tab.page) };
  }

  async function seesOnce(tab: ViewerPage, ...payloads: string[]): Promise<void> {
    await tab.sees(...payloads.map((payload) => `message ${payload}`));
    const seen = (await tab.get('seen')).filter((word) => word.startsWith('message'));
    assert.deepEqual(
      seen,
      ['before', ...payloads].map((payload) => `message ${payload}`),
    );
  }

  it('goes on where it was when its connections are cut', async () => {
    const { tab } = await watching('cut');
    for (const link of there().proxy.links) link.destroy();
    await there().producer.publish('cut', 'meanwhile');
    await seesOnce(tab, 'meanwhile');
    assert.ok((await tab.get('counters')).reconnects >= 1);
  });

  it('goes on where it was when the gateway can be reached again', async () => {
    const { proxy, producer } = there();
    const { tab } = await watching('unreachable');
    proxy.retarget({ host: '127.0.0.1', port: 1 });
    for (const link of proxy.links) link.destroy();
    await tab.isIn('backoff');
    await producer.publish('unreachable', 'meanwhile');
    proxy.retarget(target());
    await seesOnce(tab, 'meanwhile');
  });

  it('probes when the network is there again, and is live at once on another connection', async () => {
    const { proxy, producer } = there();
    const { tab } = await watching('wake');
    const dead = proxy.links;
    // As after a night: what was connected is no more, and nobody said so.
    for (const link of dead) link.apply(halfOpen);
    await producer.publish('wake', 'meanwhile');
    const backAt = Date.now();
    await tab.page.evaluate(`dispatchEvent(new Event('online'))`);
    await seesOnce(tab, 'meanwhile');
    const states = await tab.get('states');
    const live = states.findLast(({ kind }) => kind === 'live')!;
    console.log(`      live again ${live.at - backAt} ms after the network was`);
    assert.deepEqual(
      states.slice(-4).map(({ kind }) => kind),
      ['suspect', 'backoff', 'connecting', 'live'],
    );
  });

  it('ends the wait before the next attempt when the browser is online again', async () => {
    const { proxy, producer } = there();
    const { tab, devtools } = await watching('offline');
    await devtools.send('Network.enable');
    const network = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await devtools.send('Network.emulateNetworkConditions', { ...network, offline: true });
    for (const link of proxy.links) link.destroy();
    await until('there were several attempts', async () => (await tab.get('counters')).connects > 3);
    await producer.publish('offline', 'meanwhile');
    await devtools.send('Network.emulateNetworkConditions', { ...network, offline: false });
    await seesOnce(tab, 'meanwhile');
  });

  it('notices that it was asleep, though nothing tells it, and is live on another connection', async () => {
    const { browser, proxy, producer } = there();
    const { tab } = await watching('asleep');
    const wake = await browser.putPagesToSleep();
    for (const link of proxy.links) link.apply(halfOpen);
    await producer.publish('asleep', 'meanwhile');
    const asleepAt = Date.now();
    await until('it has slept for longer than timers are late', () => Date.now() - asleepAt > SLEEP_MS);
    wake();
    await seesOnce(tab, 'meanwhile');
    assert.equal((await tab.get('counters')).probeFailures, 1);
  });

  it('takes what came while its page stood still, and probes when it is thawed', async () => {
    const { browser, producer } = there();
    const { tab } = await watching('frozen');
    const { probes, connects } = await tab.get('counters');
    const thaw = await browser.putPagesToSleep();
    await producer.publish('frozen', 'meanwhile');
    thaw();
    await tab.page.evaluate(`document.dispatchEvent(new Event('resume'))`);
    await seesOnce(tab, 'meanwhile');
    await until('it has probed', async () => (await tab.get('counters')).probes > probes);
    await tab.isIn('live');
    assert.equal((await tab.get('counters')).connects, connects);
  });

  function target(): { host: string; port: number } {
    const [host, port] = there().gateway.http!.split(':');
    return { host: host!, port: Number(port) };
  }
});
