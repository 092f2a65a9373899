import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { browserBundle } from '../../scripts/browser-bundle.ts';
import { until } from '../helpers/poll.ts';
import type { Viewer, ViewerOptions } from './page-contract.ts';

/** The chromium to use; test/browser/setup.sh finds or installs one. */
export const CHROMIUM = process.env['LIVE_TEST_BROWSER'] ?? '';

/** Skips the tests, by name, where there is no browser. */
export function needsBrowser(context: Mocha.Context): void {
  if (!existsSync(CHROMIUM)) context.skip();
}

/** Starts the browser; the caller closes it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** The application of a page, which takes the client from its bundle like any other page. */
async function pageScript(entryPoint: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    plugins: [
      {
        name: 'the bundle',
        setup: (bundler) =>
          bundler.onResolve({ filter: /client\/browser\/index|^live-gateway\/browser$/ }, () => ({
            path: '/live-gateway.js',
            external: true,
          })),
      },
    ],
  });
  return outputFiles[0]!.text;
}

/** A web server with the page; `texts` are served under their paths. */
async function webServer(texts: ReadonlyMap<string, () => string>) {
  const [bundle, viewer, react] = await Promise.all([
    browserBundle(),
    pageScript('test/browser/page/viewer.ts'),
    pageScript('examples/react/main.tsx'),
  ]);
  const page = (script: string): readonly [type: string, text: string] => [
    'text/html',
    `<!doctype html><title>viewer</title><link rel="icon" href="data:,"><body><script type="module" src="${script}"></script>`,
  ];
  const files = new Map<string, readonly [type: string, text: string]>([
    ['/', page('/viewer.js')],
    ['/viewer.js', ['text/javascript', viewer]],
    ['/react.html', page('/react.js')],
    ['/react.js', ['text/javascript', react]],
    ['/live-gateway.js', ['text/javascript', bundle.code]],
    ...['page.html', 'events.html'].map(
      (name) => [`/${name}`, ['text/html', readFileSync(`examples/${name}`, 'utf8')]] as const,
    ),
  ]);
  const server = createServer(({ url: asked = '' }, response) => {
    const [url = ''] = asked.split('?', 1);
    const text = texts.get(url);
    const [type, body] = text
      ? (['text/plain', text()] as const)
      : (files.get(url) ?? ['text/plain', undefined]);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type, 'cache-control': 'no-cache' });
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A page with a viewer in it, whatever the means to reach it. */
export class ViewerPage<P extends { evaluate<T>(expression: string): Promise<T> } = Page> {
  readonly page: P;

  constructor(page: P) {
    this.page = page;
  }

  start(options: ViewerOptions): Promise<void> {
    return this.call('start', options);
  }

  /** Calls a method of the viewer. */
  call<Result>(name: keyof Viewer, ...args: readonly unknown[]): Promise<Result> {
    const list = args.map((arg) => JSON.stringify(arg)).join(', ');
    return this.page.evaluate(`viewer.${name}(${list})`);
  }

  /** A property of the viewer. */
  get<Name extends keyof Viewer>(name: Name): Promise<Viewer[Name]> {
    return this.page.evaluate(`viewer.${name}`);
  }

  /** Resolves when the viewer has seen these, the last of them last. */
  async sees(...words: string[]): Promise<void> {
    await until(`the page sees ${words.join(', ')}`, async () => {
      const seen = await this.get('seen');
      return words.every((word) => seen.includes(word));
    });
  }

  /** Resolves when the connection is in the state. */
  isIn(state: string): Promise<unknown> {
    return until(`the page is ${state}`, async () => (await this.get('state')) === state);
  }
}

/** A browser, and a web server with the page that it shows. */
export class TestBrowser {
  readonly origin: string;
  readonly #browser: Browser;
  readonly #closeServer: () => Promise<void>;

  private constructor(browser: Browser, origin: string, closeServer: () => Promise<void>) {
    this.#browser = browser;
    this.origin = origin;
    this.#closeServer = closeServer;
  }

  static async start(texts: ReadonlyMap<string, () => string> = new Map()): Promise<TestBrowser> {
    const server = await webServer(texts);
    return new TestBrowser(await launchBrowser(), server.origin, () => server.close());
  }

  /** Stops the processes of all pages, as a machine that falls asleep does; gives what wakes them. */
  async putPagesToSleep(): Promise<() => void> {
    const devtools = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    const signal = (name: NodeJS.Signals): void => pages.forEach((pid) => process.kill(pid, name));
    signal('SIGSTOP');
    return () => signal('SIGCONT');
  }

  /** A profile of its own: nothing is stored in it yet. */
  profile(): Promise<BrowserContext> {
    return this.#browser.newContext();
  }

  /** A tab with the page. */
  async tab(profile: BrowserContext): Promise<ViewerPage> {
    const page = await profile.newPage();
    await page.goto(this.origin);
    await page.waitForFunction('globalThis.viewer !== undefined');
    return new ViewerPage(page);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#closeServer();
  }
}
