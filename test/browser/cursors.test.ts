import assert from 'node:assert/strict';
import type { BrowserContext } from 'playwright-core';
import { startTestGateway } from '../helpers/gateway.ts';
import { until } from '../helpers/poll.ts';
import type { ViewerPage } from './browser.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

describe('Resumable, Reliable: cursors in IndexedDB', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  const there = (): BrowserRig => rig!;

  beforeEach(async function () {
    rig = await startBrowserRig(this);
    profile = await rig.browser.profile();
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });

  async function watching(cursorName = 'page', endpoints = there().endpoints): Promise<ViewerPage> {
    const { browser } = there();
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: ['tea'], join: { from: 'earliest', cursorName }, stores: true });
    await tab.sees('caught-up');
    return tab;
  }

  const messages = async (tab: ViewerPage): Promise<string[]> =>
    (await tab.get('seen')).filter((word) => word.startsWith('message'));

  it('let a page that is loaded anew go on where it was', async () => {
    await there().producer.burst('tea', ['one', 'two']);
    const before = await watching();
    await before.sees('message two');
    await before.call('close');
    await before.page.close();
    await there().producer.publish('tea', 'three');
    const after = await watching();
    await after.sees('joined RESUMED', 'message three');
    assert.deepEqual(await messages(after), ['message three']);
  });

  it('are written soon, not only when the page says goodbye', async () => {
    await there().producer.burst('tea', ['one', 'two']);
    const before = await watching();
    await before.sees('message two');
    await until('the place is stored', async () => (await storedSeq(before)) === '2');
    await before.page.close();
    const after = await watching();
    await after.sees('joined RESUMED');
    assert.deepEqual(await messages(after), []);
  });

  it('are those of the furthest of two tabs with one name, and each its own with two', async () => {
    const [first, second, third] = [await watching(), await watching(), await watching('third')];
    await there().producer.burst('tea', ['one', 'two']);
    for (const tab of [first, second, third]) await tab.sees('message two');
    await until('the place is stored', async () => (await storedSeq(first)) === '2');
    await second.call('close');
    await there().producer.publish('tea', 'three');
    await first.sees('message three');
    await until('the place is stored', async () => (await storedSeq(first)) === '3');
    const again = await watching();
    await again.sees('joined RESUMED');
    assert.deepEqual(await messages(again), []);
  });

  it('are kept anew where somebody deletes the database meanwhile', async () => {
    await there().producer.burst('tea', ['one', 'two']);
    const tab = await watching();
    await tab.sees('message two');
    await until('the place is stored', async () => (await storedSeq(tab)) === '2');
    await tab.page.evaluate(`new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('live-gateway');
      request.onsuccess = resolve;
      request.onerror = request.onblocked = reject;
    })`);
    await there().producer.publish('tea', 'three');
    await tab.sees('message three');
    await tab.call('close');
    assert.equal(await storedSeq(tab), '3');
  });

  it('are written by the next one where the browser takes a write back', async () => {
    await there().producer.burst('tea', ['one', 'two']);
    const tab = await watching();
    await until('the place is stored', async () => (await storedSeq(tab)) === '2');
    // As where it turns out at the end that there is no room for it.
    await tab.page.evaluate(`{
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (...values) {
        IDBObjectStore.prototype.put = put;
        const request = this.put(...values);
        request.addEventListener('success', () => this.transaction.abort());
        this.transaction.addEventListener('abort', () => (globalThis.tookBack = true));
        return request;
      };
    }`);
    await there().producer.publish('tea', 'three');
    await until('a write was taken back', () => tab.page.evaluate('globalThis.tookBack'));
    await tab.call('close');
    assert.equal(await storedSeq(tab), '3');
  });

  it('tell of a gap where messages are gone meanwhile', async () => {
    const { producer } = there();
    await producer.burst('tea', ['one', 'two']);
    const before = await watching();
    await before.sees('message two');
    await before.call('close');
    await producer.burst('tea', ['three', 'four']);
    await producer.jsm.streams.purge(producer.stream);
    await producer.publish('tea', 'five');
    // One that has nothing of it in its memory.
    await using other = await startTestGateway(there().nats.url, {
      http: { host: '127.0.0.1', port: 0 },
      httpOrigins: ['*'],
    });
    const after = await watching('page', [`ws://${other.http}`]);
    await after.sees('gap RETENTION', 'message five');
    assert.deepEqual(await messages(after), ['message five']);
  });

  it('tell of a reset where the stream is another one', async () => {
    const { producer } = there();
    await producer.burst('tea', ['one', 'two']);
    const before = await watching();
    await before.sees('message two');
    await before.call('close');
    const { config } = await producer.jsm.streams.info(producer.stream);
    await producer.jsm.streams.delete(producer.stream);
    await producer.jsm.streams.add(config);
    await producer.publish('tea', 'anew');
    const { browser, endpoints } = there();
    const after = await browser.tab(profile);
    await after.start({
      endpoints,
      rooms: ['tea'],
      join: { from: 'earliest', cursorName: 'page' },
      stores: true,
    });
    await after.sees('reset RECREATED', 'message anew');
  });

  /** The sequence that is stored under the name `page`. */
  function storedSeq(tab: ViewerPage): Promise<string | undefined> {
    return tab.page.evaluate(`new Promise((resolve, reject) => {
      const request = indexedDB.open('live-gateway');
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const got = request.result.transaction('places').objectStore('places').get(['tea', 'page']);
        got.onsuccess = () => {
          request.result.close();
          resolve(String(Object.values(got.result?.cursors ?? {})[0]?.seq));
        };
      };
    })`);
  }
});
