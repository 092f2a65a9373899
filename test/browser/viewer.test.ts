import assert from 'node:assert/strict';
import type { BrowserContext } from 'playwright-core';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('a viewer in a page', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  const there = (): BrowserRig => rig!;

  before(async function () {
    rig = await startBrowserRig(this);
  });
  after(() => rig?.close());

  beforeEach(async () => {
    profile = await there().browser.profile();
  });
  afterEach(() => profile.close());

  it('sees what is published, and publishes', async () => {
    const { browser, endpoints, gateway } = there();
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

  it('is told what is wrong with what it publishes', async () => {
    const { browser, endpoints } = there();
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: [] });
    const answer = await tab.call<string>('publish', 'tea', { type: 'unheard-of', payload: '' });
    assert.match(answer, /^INVALID_ARGUMENT TYPE_UNKNOWN/);
  });

  it('gets compressed batches in their order', async () => {
    const { browser, endpoints, producer } = there();
    const payloads = Array.from(
      { length: 200 },
      (_, index) => `${String(index).padStart(4, '0')}${'ä'.repeat(2_000)}`,
    );
    await producer.burst('press', payloads);
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: ['press'], join: { from: 'earliest' }, compression: 'deflate' });
    await tab.sees('caught-up');
    const seen = (await tab.get('seen')).filter((word) => word.startsWith('message'));
    assert.deepEqual(
      seen.map((word) => word.slice(8, 12)),
      payloads.map((payload) => payload.slice(0, 4)),
    );
    const { bytesReceived } = await tab.get('counters');
    assert.ok(bytesReceived < 200 * 4_000, `${bytesReceived} bytes came`);
  });

  it('calls: asks about a room, and pulls', async () => {
    const { browser, endpoints, producer } = there();
    const [first, last] = await producer.burst('past', ['one', 'two']);
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: [] });
    assert.equal(await tab.call('room', 'past'), String(last));
    assert.deepEqual(await tab.call('pull', 'past'), ['message one', 'message two', 'end']);
    assert.match(await tab.call('room', 'nobody-has-heard-of'), /^NOT_FOUND ROOM_UNKNOWN: /);
    assert.match((await tab.call<string[]>('pull', 'no room'))[0]!, /^INVALID_ARGUMENT ROOM_NAME_INVALID: /);
    assert.ok(first);
  });

  it('runs in the origin that it is from only as far as the gateway lets it', async () => {
    const { browser, endpoints } = there();
    const tab = await browser.tab(profile);
    await assert.rejects(tab.start({ endpoints: ['gateway:50051'], rooms: [] }), /INVALID_ARGUMENT|wss:/);
    await tab.start({ endpoints, rooms: ['tea'] });
    await tab.isIn('live');
    await tab.call('close');
    assert.equal(await tab.get('state'), 'closed');
  });
});
