import type { BrowserContext } from 'playwright-core';
import { until } from '../helpers/poll.ts';
import { UpgradeBlocker } from '../helpers/upgrade-blocker.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('a page where nothing but plain GET comes through to the gateway', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  const there = (): BrowserRig => rig!;

  before(async function () {
    rig = await startBrowserRig(this);
    await rig.producer.burst('demo', ['one', 'two']);
  });
  after(() => rig?.close());

  beforeEach(async () => {
    profile = await there().browser.profile();
  });
  afterEach(() => profile.close());

  it('shows everything by server-sent events, also after its connection was cut', async () => {
    await using blocker = await UpgradeBlocker.start(there().gateway.http!, 'refuses');
    const page = await profile.newPage();
    const shows = (text: string): Promise<unknown> =>
      until(`the page shows ${text}`, async () => (await page.textContent('#messages'))?.includes(text));
    await page.goto(`${there().browser.origin}/events.html?gateway=http://${blocker.address}`);
    await shows('onetwo');
    blocker.cut();
    await there().producer.publish('demo', 'three');
    await shows('onetwothree');
  });
});
