import assert from 'node:assert/strict';
import type { BrowserContext } from 'playwright-core';
import { until } from '../helpers/poll.ts';
import type { ViewerPage } from './browser.ts';
import { recordTasks } from './page-tasks.ts';
import type { ViewerOptions } from './page-contract.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

const STORED = 20_000;
/** What a browser calls a long task, in milliseconds: while it lasts, nothing on the page moves and no key is answered. https://www.w3.org/TR/longtasks-1/ */
const LONG_TASK_MS = 50;

describe('a page that replays 20,000 messages stays responsive', () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  const there = (): BrowserRig => rig!;

  before(async function () {
    rig = await startBrowserRig(this);
    await rig.producer.burst(
      'long',
      Array.from({ length: STORED }, (_, index) => String(index)),
    );
  });
  after(() => rig?.close());

  beforeEach(async () => {
    profile = await there().browser.profile();
  });
  afterEach(() => profile.close());

  /** Replays all of it, and does `meanwhile` when the viewer has joined. Judged is what processor time tasks took: a busy machine makes them last. */
  async function replays(
    options: Partial<ViewerOptions>,
    meanwhile: (tab: ViewerPage) => Promise<void>,
  ): Promise<void> {
    const { browser, endpoints } = there();
    const tab = await browser.tab(profile);
    const recording = await recordTasks(tab.page);
    await tab.start({ endpoints, rooms: ['long'], join: { from: 'earliest' }, ...options });
    await meanwhile(tab);
    // Nothing here looks at the list meanwhile: that would be a long task itself.
    await until('all is replayed', () => tab.page.evaluate(`viewer.seen.lastIndexOf('caught-up') > 0`), {
      everyMs: 100,
    });
    const tasks = await recording.stop();
    const longest = Math.max(...tasks.map(({ cpuMs }) => cpuMs));
    const long = tasks.filter(({ wallMs }) => wallMs > LONG_TASK_MS).length;
    console.log(
      `      longest task: ${longest.toFixed(1)} ms of processor time; ${long} took longer than ${LONG_TASK_MS} ms, all else that the machine did included`,
    );
    const seen = await tab.get('seen');
    assert.deepEqual(
      seen.filter((word) => word.startsWith('message')),
      Array.from({ length: STORED }, (_, index) => `message ${index}`),
    );
    assert.ok(longest < LONG_TASK_MS, `a task took ${longest} ms of processor time`);
  }

  it('while they come', () => replays({}, async () => undefined));

  it('while they come compressed', () => replays({ compression: 'deflate' }, async () => undefined));

  it('when the application begins with them late, and all of them wait for it', () =>
    replays({ holds: true, work: 500 }, async (tab) => {
      await until('all have come', async () => (await tab.get('counters')).bytesReceived > STORED * 20);
      await tab.call('handleAll');
    }));
});
