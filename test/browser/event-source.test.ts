import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { chance } from '../../chaos/run/chance.ts';
import { FlappingLink } from '../helpers/flapping-link.ts';
import { until } from '../helpers/poll.ts';
import type { StockEvent } from '../helpers/stock-viewer.ts';
import { targetAt } from '../helpers/transports.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const VIEWERS = 5;
const CUTS = 3;

/** What an EventSource of a page has told it. */
interface Watched {
  readonly events: readonly StockEvent[];
  /** Its `readyState` at each error. */
  readonly errors: readonly number[];
}

/** Opens an EventSource in a page, which is not to know more than the standard says. */
const WATCH = (url: string): string => `(() => {
  const source = new EventSource(${JSON.stringify(url)});
  const watched = { events: [], errors: [] };
  for (const event of ['joined', 'message', 'gap', 'reset', 'refused'])
    source.addEventListener(event, ({ data, lastEventId: id }) =>
      watched.events.push({ event, id, data: JSON.parse(data) }));
  source.addEventListener('error', () => watched.errors.push(source.readyState));
  (window.watched ??= []).push(watched);
})()`;

describe(`Resumable: chromium's own EventSource (LIVE_TEST_SEED=${SEED})`, () => {
  let rig: BrowserRig | undefined;
  let profile: BrowserContext;
  let page: Page;
  let links: FlappingLink[];
  const there = (): BrowserRig => rig!;

  before(async function () {
    rig = await startBrowserRig(this, { eventsLifetimeMs: 2_000 });
  });
  after(() => rig?.close());

  beforeEach(async () => {
    links = [];
    profile = await there().browser.profile();
    page = await profile.newPage();
    await page.goto(`${there().browser.origin}/events.html`);
  });
  afterEach(async () => {
    await profile.close();
    await Promise.all(links.map((link) => link[Symbol.asyncDispose]()));
  });

  async function watch(index: number): Promise<void> {
    const target = targetAt(there().gateway.http as string);
    const link = await FlappingLink.open({ random: chance(SEED, `viewer ${index}`), target: () => target });
    links.push(link);
    await page.evaluate(WATCH(`http://${link.address}/v1/rooms/flapping/events?from=earliest`));
  }

  const watched = (): Promise<Watched[]> => page.evaluate('window.watched');

  it('has every message once and in order on links that are cut, and never gives up', async () => {
    for (let index = 0; index < VIEWERS; index++) await watch(index);
    for (const link of links) link.flap();
    const stored: { seq: number; payload: string }[] = [];
    while (links.some(({ cuts }) => cuts < CUTS)) {
      const payload = `${stored.length} ${'€𝄞é'.repeat(stored.length % 50)}`;
      stored.push({ seq: await there().producer.publish('flapping', payload), payload });
      await sleep(5);
    }
    for (const link of links) link.hold();
    const last = stored.at(-1)?.seq;
    const all = await until('all have the last message', async () => {
      const now = await watched();
      const seqs = now.map(({ events }) => events.findLast(({ event }) => event === 'message')?.data['seq']);
      return seqs.every((seq) => seq === last) ? now : undefined;
    });
    for (const { events, errors } of all) {
      const messages = events.filter(({ event }) => event === 'message');
      assert.deepEqual(
        messages.map(({ data: { seq, payload } }) => ({ seq, payload })),
        stored,
      );
      assert.deepEqual([...new Set(errors)], [0], 'it comes again after each');
      assert.deepEqual(
        events.filter(({ event }) => event === 'gap' || event === 'reset'),
        [],
      );
    }
  });

  it('gives up at once where its room is none', async () => {
    const url = `http://${there().gateway.http}/v1/rooms/no%20room/events`;
    await page.evaluate(WATCH(url));
    await until('it has given up', async () => (await watched())[0]?.errors.includes(2));
    assert.deepEqual((await watched())[0], { events: [], errors: [2] });
  });
});
