import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../helpers/poll.ts';
import { UpgradeBlocker } from '../helpers/upgrade-blocker.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('the examples', () => {
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

  /** Opens an example that talks with the gateway by `scheme`, at `address`. */
  async function open(file: string, scheme: string, address = there().proxy.address): Promise<Page> {
    const page = await profile.newPage();
    await page.goto(`${there().browser.origin}/${file}?gateway=${scheme}://${address}`);
    return page;
  }

  const shows = (page: Page, text: string): Promise<unknown> =>
    until(`the page shows ${text}`, async () => (await page.textContent('#messages'))?.includes(text));

  it('page.html shows a room, and publishes', async () => {
    const page = await open('page.html', 'ws');
    await shows(page, 'onetwo');
    await page.fill('#text', 'hello');
    await page.click('button');
    await shows(page, 'onetwohello');
  });

  it('events.html shows a room without a library, also after its connection was cut', async () => {
    const page = await open('events.html', 'http');
    await shows(page, 'onetwo');
    for (const link of there().proxy.links) link.destroy();
    await there().producer.publish('demo', 'three');
    await shows(page, 'onetwothree');
  });

  it('events.html does so, too, where nothing but plain GET comes through to the gateway', async () => {
    await there().producer.burst('demo', ['four']);
    await using blocker = await UpgradeBlocker.start(there().gateway.http!, 'refuses');
    const page = await open('events.html', 'http', blocker.address);
    await shows(page, 'four');
    blocker.cut();
    await there().producer.publish('demo', 'five');
    await shows(page, 'fourfive');
  });
});
