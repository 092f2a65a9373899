import assert from 'node:assert/strict';
import type { Browser, Locator, Page } from 'playwright-core';
import { defaultConfig } from '../../server/config/config.ts';
import { SecondGatewayHere } from '../../server/gateway/second-gateway.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { launchBrowser, needsBrowser } from './browser.ts';

/** A message, as it is shown. */
interface Shown {
  readonly seq: number;
  readonly replayed: boolean;
}

describe('the demo room', () => {
  let nats: TestNats | undefined;
  let gateway: TestGateway | undefined;
  let browser: Browser | undefined;
  let page: Page;
  /** What the browser complained of: an offence against the policy of the page would be there. */
  let complaints: string[];

  before(async function () {
    needsBrowser(this);
    nats = await startNats();
    const config = { demo: true, http: { host: '127.0.0.1', port: 0 } };
    gateway = await startTestGateway(nats.url, config, {
      second: (servers) => new SecondGatewayHere(defaultConfig(config), createLogger('silent'), servers),
    });
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    await gateway?.close();
    await nats?.stop();
  });

  beforeEach(async () => {
    complaints = [];
    page = await browser!.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://${gateway!.http}/demo/`);
    await Promise.all([isIn(home(), 'live'), isIn(train(), 'live')]);
  });

  afterEach(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });

  const home = (): Locator => page.getByRole('article', { name: 'Viewer at home' });
  const train = (): Locator => page.getByRole('article', { name: 'Viewer on a train' });
  const field = (viewer: Locator, name: string): Locator => viewer.locator(`[data-field=${name}]`);
  const give = (): Promise<void> => page.getByRole('button', { name: 'Gift' }).click();

  /** The messages that a viewer has, the oldest first. */
  async function messages(viewer: Locator): Promise<Shown[]> {
    const texts = await viewer.locator('.message').allTextContents();
    return texts
      .map((text) => {
        const [, replayed, seq] = /(replayed)?#(\d+)$/.exec(text) ?? [];
        return { seq: Number(seq), replayed: replayed !== undefined };
      })
      .reverse();
  }

  function isIn(viewer: Locator, state: string): Promise<unknown> {
    return until(
      `the viewer is ${state}`,
      async () => (await field(viewer, 'state').textContent()) === state,
    );
  }

  function has(viewer: Locator, count: number): Promise<unknown> {
    return until(`the viewer has ${count}`, async () => (await messages(viewer)).length === count);
  }

  it('shows what is published to both viewers', async () => {
    await give();
    await has(home(), 1);
    await has(train(), 1);
    await gateway!.client().publish('demo', { type: 'question', payload: '<b>who?</b>' });
    for (const viewer of [home(), train()]) {
      await has(viewer, 2);
      assert.equal(await viewer.locator('.question').textContent(), '<b>who?</b>', 'never taken for HTML');
      assert.equal(await field(viewer, 'replayed').textContent(), '0');
    }
  });

  it('replays to who was in the tunnel what it missed there: once, in order, and marked', async () => {
    await give();
    await has(train(), 1);
    const tunnel = page.getByRole('switch', { name: 'Tunnel' });
    await tunnel.check();
    for (let given = 2; given <= 4; given++) {
      await give();
      await has(home(), given);
    }
    await isIn(train(), 'reconnecting');
    assert.equal((await messages(train())).length, 1);
    await tunnel.uncheck();
    await isIn(train(), 'live');
    await has(train(), 4);
    const [first, ...missed] = await messages(train());
    const all = await messages(home());
    assert.deepEqual(
      [first, ...missed].map((message) => message?.seq),
      all.map(({ seq }) => seq),
    );
    assert.deepEqual(
      [first, ...missed].map((message) => message?.replayed),
      [false, true, true, true],
    );
    assert.deepEqual(
      await Promise.all(
        ['cursor', 'received', 'replayed', 'gaps', 'duplicates'].map((name) =>
          field(train(), name).textContent(),
        ),
      ),
      [`#${all.at(-1)?.seq}`, '4', '3', '0', '0'],
    );
    await give();
    await has(train(), 5);
    assert.equal((await messages(train())).at(-1)?.replayed, false, 'what comes now is live');
  });

  it('moves viewers to the other gateway when theirs is killed, and none of them misses anything', async () => {
    assert.equal(await field(home(), 'gateway').textContent(), 'B');
    assert.equal(await field(train(), 'gateway').textContent(), 'A');
    await give();
    await has(home(), 1);
    await page.getByRole('button', { name: 'Kill gateway B' }).click();
    for (let given = 2; given <= 4; given++) {
      await give();
      await has(train(), given);
    }
    await has(home(), 4);
    assert.deepEqual(
      (await messages(home())).map(({ seq }) => seq),
      (await messages(train())).map(({ seq }) => seq),
    );
    assert.equal(await field(home(), 'gateway').textContent(), 'A');
    assert.deepEqual(
      await Promise.all(['gaps', 'duplicates'].map((name) => field(home(), name).textContent())),
      ['0', '0'],
    );
    await page.getByRole('button', { name: 'Start gateway B again' }).click();
    await page.getByRole('button', { name: 'Kill gateway B' }).waitFor();
    await page.reload();
    await until('it is at B', async () => (await field(home(), 'gateway').textContent()) === 'B');
    await isIn(home(), 'live');
  });

  it('tells who comes later that all are muted', async () => {
    const mute = page.getByRole('button', { name: 'Mute all' });
    await mute.click();
    await has(home(), 1);
    await page.reload();
    for (const viewer of [home(), train()]) {
      await viewer.locator('.muted-banner').waitFor();
      assert.deepEqual(await messages(viewer), [], 'what was before is not shown as if it came now');
    }
    assert.equal(await mute.getAttribute('aria-pressed'), 'true');
    await mute.click();
    for (const viewer of [home(), train()])
      await viewer.locator('.muted-banner').waitFor({ state: 'hidden' });
    assert.equal(await mute.getAttribute('aria-pressed'), 'false');
  });
});
