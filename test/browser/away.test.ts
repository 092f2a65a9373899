import assert from 'node:assert/strict';
import { halfOpen } from '../../chaos/links/faults/half-open.ts';
import { until } from '../helpers/poll.ts';
import { ViewerPage } from './browser.ts';
import type { Tab } from './user-browser.ts';
import { UserBrowser } from './user-browser.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('Resumable, Reliable: a viewer in a tab that is hidden, frozen, or cached', () => {
  let rig: BrowserRig | undefined;
  let browser: UserBrowser | undefined;
  const there = (): BrowserRig => rig!;

  before(async function () {
    // Nothing here comes from silence: with this heartbeat that would take longer than tests wait.
    rig = await startBrowserRig(this, { heartbeatMs: 3_600_000 });
    browser = await UserBrowser.launch();
  });
  after(async () => {
    await browser?.close();
    await rig?.close();
  });

  /** A tab whose viewer is live, and has seen one message. */
  async function watching(room: string): Promise<ViewerPage<Tab>> {
    const { endpoints, producer, browser: pages } = there();
    const tab = new ViewerPage(await browser!.tab(pages.origin));
    await until('the page is there', () => tab.page.evaluate('globalThis.viewer !== undefined'));
    await tab.start({ endpoints, rooms: [room], join: { from: 'earliest' } });
    await producer.publish(room, 'before');
    await tab.sees('caught-up', 'message before');
    return tab;
  }

  /** Another tab is looked at. */
  async function hide(tab: ViewerPage<Tab>): Promise<void> {
    await browser!.tab('about:blank');
    await is(tab, 'hidden');
  }

  const is = (tab: ViewerPage<Tab>, visibility: string): Promise<unknown> =>
    until(
      `the tab is ${visibility}`,
      async () => (await tab.page.evaluate('document.visibilityState')) === visibility,
    );

  async function seesOnce(tab: ViewerPage<Tab>, ...payloads: string[]): Promise<void> {
    const expected = ['before', ...payloads].map((payload) => `message ${payload}`);
    await tab.sees(...expected);
    const seen = (await tab.get('seen')).filter((word) => word.startsWith('message'));
    assert.deepEqual(seen, expected);
  }

  it('goes on while hidden, and probes when its tab is looked at again', async () => {
    const tab = await watching('hidden');
    const { probes, connects } = await tab.get('counters');
    await hide(tab);
    await there().producer.publish('hidden', 'meanwhile');
    await seesOnce(tab, 'meanwhile');
    assert.equal((await tab.get('counters')).probes, probes, 'that it is hidden changes nothing');
    await tab.page.show();
    await until('it has probed', async () => (await tab.get('counters')).probes > probes);
    await tab.isIn('live');
    assert.equal((await tab.get('counters')).connects, connects);
  });

  it('is live on another connection when its tab is looked at again, and its own died meanwhile', async () => {
    const { proxy, producer } = there();
    const tab = await watching('dead');
    await hide(tab);
    for (const link of proxy.links) link.apply(halfOpen);
    await producer.publish('dead', 'meanwhile');
    await tab.page.show();
    await seesOnce(tab, 'meanwhile');
    assert.equal((await tab.get('counters')).probeFailures, 1);
  });

  it('is live when it is thawed, with what it missed: the browser had closed its connection', async () => {
    const tab = await watching('frozen');
    await hide(tab);
    await tab.page.evaluate(`document.addEventListener('freeze', () => (globalThis.frozen = true))`);
    await tab.page.freeze();
    await until('it is frozen', () => tab.page.evaluate('globalThis.frozen'));
    await there().producer.publish('frozen', 'meanwhile');
    assert.equal((await tab.get('seen')).includes('message meanwhile'), false);
    await tab.page.thaw();
    await seesOnce(tab, 'meanwhile');
    await tab.isIn('live');
  });

  it('is live again when its page comes out of the back/forward cache', async () => {
    const tab = await watching('cached');
    const at = (path: string): Promise<unknown> =>
      until(`the tab is at ${path}`, async () => (await tab.page.evaluate('location.pathname')) === path);
    await tab.page.goTo(`${there().browser.origin}/page.html`);
    await at('/page.html');
    await there().producer.publish('cached', 'meanwhile');
    await tab.page.evaluate('history.back()');
    await at('/');
    // It would be another one if the page had been loaded anew.
    await seesOnce(tab, 'meanwhile');
  });
});
