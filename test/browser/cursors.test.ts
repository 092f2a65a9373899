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

  /** One that has handled two messages, and has stored that. */
  async function watchingStored(): Promise<ViewerPage> {
    await there().producer.burst('tea', ['one', 'two']);
    const tab = await watching();
    await until('the place is stored', async () => (await storedSeq(tab)) === '2');
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

  it('are written at once when the page is hidden: its timers may never run again', async () => {
    const tab = await watching();
    await until('the place where it begins is stored', async () => (await storedSeq(tab)) === '0');
    await tab.page.evaluate(`{
      const { setTimeout: later } = globalThis;
      globalThis.setTimeout = (work, ms) => (ms === 200 ? 0 : later(work, ms));
    }`);
    await there().producer.publish('tea', 'one');
    await tab.sees('message one');
    assert.equal(await storedSeq(tab), '0');
    await tab.page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await until('the place is stored', async () => (await storedSeq(tab)) === '1');
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

  for (const [what, remove] of [
    ['the page deletes the database', deleteDatabase],
    ['the user deletes what the browser has of the page', clearSite],
  ] as const)
    it(`are kept anew where ${what} meanwhile`, async () => {
      const tab = await watchingStored();
      await remove(tab);
      await there().producer.publish('tea', 'three');
      await tab.sees('message three');
      await tab.call('close');
      assert.equal(await storedSeq(tab), '3');
    });

  it('are written by the next one where the database cannot be opened', async () => {
    const tab = await watchingStored();
    await deleteDatabase(tab);
    await tab.page.evaluate(`{
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function () {
        IDBFactory.prototype.open = open;
        globalThis.failed = true;
        throw new Error('not now');
      };
    }`);
    await there().producer.publish('tea', 'three');
    await until('it could not be opened', () => tab.page.evaluate('globalThis.failed'));
    await tab.sees('message three');
    await tab.call('close');
    assert.equal(await storedSeq(tab), '3');
  });

  it('are written by the next one where the browser takes a write back', async () => {
    const tab = await watchingStored();
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

  it('leave no connection with the database behind when the store is closed', async () => {
    const tab = await watching();
    const closed = await tab.page.evaluate(`(async () => {
      const { IndexedDbCursorStore } = await import('/live-gateway.js');
      const names = [];
      const { close } = IDBDatabase.prototype;
      IDBDatabase.prototype.close = function () {
        names.push(this.name);
        close.call(this);
      };
      const store = new IndexedDbCursorStore('another');
      store.save('page', 'tea', { epoch: 'e', seq: 1n, fingerprint: 1 });
      await store.close();
      return names;
    })()`);
    assert.deepEqual(closed, ['another']);
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

function deleteDatabase(tab: ViewerPage): Promise<unknown> {
  return tab.page.evaluate(`new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase('live-gateway');
    request.onsuccess = resolve;
    request.onerror = request.onblocked = reject;
  })`);
}

async function clearSite(tab: ViewerPage): Promise<void> {
  const session = await tab.page.context().newCDPSession(tab.page);
  const { origin } = new URL(tab.page.url());
  await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
}
