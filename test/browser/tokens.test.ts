import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';
import type { BrowserRig } from './rig.ts';
import { startBrowserRig } from './rig.ts';

/** How long a token is good for, in seconds. */
const LIFETIME_S = 3;

describe('a viewer in a page, where gateways ask for tokens', () => {
  let rig: BrowserRig | undefined;
  let files: TempDir | undefined;
  let profile: BrowserContext;
  let given = 0;
  const there = (): BrowserRig => rig!;

  before(async function () {
    files = await tempDir();
    const jwtSecretFile = join(files.path, 'secret');
    writeFileSync(jwtSecretFile, SECRET);
    const claims = (): object => ({
      sub: 'ann',
      roles: ['publisher'],
      exp: inSeconds(LIFETIME_S),
      jti: `${++given}`,
    });
    const texts = new Map([['/token', () => token({ ...claims() })]]);
    rig = await startBrowserRig(this, { jwtSecretFile, tokenGraceMs: 0 }, texts);
  });
  after(async () => {
    await rig?.close();
    await files?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    profile = await there().browser.profile();
  });
  afterEach(() => profile.close());

  it('gets new ones from the page’s own server in time: nothing is interrupted', async () => {
    const { browser, endpoints, producer } = there();
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: ['tea'], tokens: '/token' });
    await tab.sees('caught-up');
    await until('the third token is in use', () => given >= 3);
    await producer.publish('tea', 'rose');
    await tab.sees('message rose');
    assert.equal((await tab.get('counters')).connects, 1);
    assert.equal(await tab.call('room', 'tea'), '1');
  });

  it('is told that there is none', async () => {
    const { browser, endpoints } = there();
    const tab = await browser.tab(profile);
    await tab.start({ endpoints, rooms: ['tea'] });
    await tab.isIn('closed');
    const [seen] = await tab.get('seen');
    assert.match(seen!, /^UNAUTHENTICATED TOKEN_MISSING: /);
  });
});
