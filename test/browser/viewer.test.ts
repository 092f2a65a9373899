import assert from 'node:assert/strict';
import type { BrowserContext } from 'playwright-core';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { needsBrowser, TestBrowser } from './browser.ts';

describe('a viewer in a page', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let browser: TestBrowser;
  let profile: BrowserContext;
  let endpoints: string[];

  before(async function () {
    needsBrowser(this);
    nats = await startNats();
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    endpoints = [`ws://${gateway.http}`];
    browser = await TestBrowser.start();
  });

  after(async () => {
    await browser?.close();
    await gateway?.close();
    await nats?.stop();
  });

  beforeEach(async () => (profile = await browser.profile()));
  afterEach(() => profile.close());

  it('sees what is published, and publishes', async () => {
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: ['tea'] });
    await tab.sees('caught-up');
    await gateway.client().publish('tea', { type: 'gift', payload: 'rose' });
    await tab.sees('message rose');
    assert.match(await tab.call('publish', 'tea', { type: 'gift', payload: 'tulip' }), /^\d+$/);
    await tab.sees('message tulip');
    await tab.call('publish', 'tea', { type: 'comment', payload: 'nice' });
    await tab.sees('ephemeral nice');
  });
});
