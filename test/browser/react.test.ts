import assert from 'node:assert/strict';
import type { BrowserContext, Page } from 'playwright-core';
import type { LiveClient } from '../../client/index.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/poll.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('the example with React', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  let page: Page;
  let asking: LiveClient;
  let sockets: number;
  /** What React or the browser complained of. */
  let complaints: string[];
  const there = (): BrowserRig => rig!;

  beforeEach(async function () {
    rig = await startBrowserRig(this);
    await rig.producer.burst('demo', ['one', 'two']);
    await rig.producer.burst('tea', ['milk', 'sugar']);
    asking = rig.gateway.client();
    profile = await rig.browser.profile();
    page = await profile.newPage();
    sockets = 0;
    complaints = [];
    page.on('websocket', () => (sockets += 1));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(`${rig.browser.origin}/react.html?rooms=demo,tea&gateway=ws://${rig.proxy.address}`);
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });

  const textOf = async (id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? '';

  async function shows(...messages: string[]): Promise<void> {
    const expected = messages.join(' ');
    await until(`the page shows ${expected}`, async () => {
      const shown = await page.locator('#messages li').allTextContents();
      return shown.join(' ') === expected;
    });
  }

  /** Resolves when the gateway has as many viewers of the room. */
  async function hasViewers(room: string, count: number): Promise<void> {
    await until(`${room} has ${count} viewers`, async () => (await asking.room(room)).audience === count);
  }

  it('shows a room once though StrictMode mounts it twice, and publishes', async () => {
    await shows('one', 'two');
    await until('it has caught up', async () => (await textOf('state')) === 'live');
    await page.fill('#text', 'hello');
    await page.click('button');
    await shows('one', 'two', 'hello');
    await hasViewers('demo', 1);
    assert.equal(await page.locator('#error').count(), 0);
    assert.equal(sockets, 1);
    assert.deepEqual(complaints, []);
  });

  it('leaves its room for another one, for none, and joins it again', async () => {
    const { producer } = there();
    await shows('one', 'two');
    await page.selectOption('#room', 'tea');
    await shows('milk', 'sugar');
    await producer.publish('demo', 'unseen');
    await producer.publish('tea', 'lemon');
    await shows('milk', 'sugar', 'lemon');
    await hasViewers('demo', 0);
    await hasViewers('tea', 1);
    await page.selectOption('#room', '');
    await hasViewers('tea', 0);
    await page.selectOption('#room', 'demo');
    await shows('one', 'two', 'unseen');
    await hasViewers('demo', 1);
    assert.equal(sockets, 1, 'all of it on one connection');
    assert.deepEqual(complaints, []);
  });

  it('says that it is not connected, and goes on where it was', async () => {
    const { proxy, producer, gateway } = there();
    await shows('one', 'two');
    proxy.retarget({ host: '127.0.0.1', port: 1 });
    for (const link of proxy.links) link.destroy();
    await until('it waits to connect', async () => /backoff|connecting/.test(await textOf('state')));
    await producer.publish('demo', 'meanwhile');
    proxy.retarget(parts(gateway.http!));
    await shows('one', 'two', 'meanwhile');
    await until('it has caught up', async () => (await textOf('state')) === 'live');
  });

  it('says that messages are gone', async () => {
    const { proxy, producer, nats } = there();
    await shows('one', 'two');
    // One that has nothing of it in its memory.
    await using other = await startTestGateway(nats.url, {
      http: { host: '127.0.0.1', port: 0 },
      httpOrigins: ['*'],
    });
    proxy.retarget({ host: '127.0.0.1', port: 1 });
    for (const link of proxy.links) link.destroy();
    await producer.burst('demo', ['lost', 'lost too']);
    await producer.jsm.streams.purge(producer.stream);
    await producer.publish('demo', 'after');
    proxy.retarget(parts(other.http!));
    await shows('one', 'two', 'after');
    assert.match(await textOf('gaps'), /\(1\)/);
  });

  function parts(address: string): { host: string; port: number } {
    const [host, port] = address.split(':');
    return { host: host!, port: Number(port) };
  }
});
