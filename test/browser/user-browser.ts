import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { CHROMIUM } from './browser.ts';

type Answer = Readonly<Record<string, unknown>>;

/** The DevTools protocol, bare. https://chromedevtools.github.io/devtools-protocol/ */
class DevTools {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const { id, ...answer } = JSON.parse(data.toString()) as { readonly id?: number };
      if (id !== undefined) this.#waiting.get(id)?.(answer);
    });
  }

  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new DevTools(socket);
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    const id = ++this.#calls;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = (await answered) as { readonly result: Answer; readonly error?: Answer };
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }
}

/** A tab as a user has it: hidden when another one is before it. */
export class Tab {
  readonly #devtools: DevTools;
  readonly #target: string;
  readonly #session: string;

  constructor(devtools: DevTools, target: string, session: string) {
    this.#devtools = devtools;
    this.#target = target;
    this.#session = session;
  }

  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const answer = await this.#send('Runtime.evaluate', options);
    if (answer['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(answer['exceptionDetails']));
    return (answer['result'] as { readonly value: T }).value;
  }

  /** Puts it before the others of its window. */
  async show(): Promise<void> {
    await this.#devtools.send('Target.activateTarget', { targetId: this.#target });
  }

  /** As the browser does with tabs that were hidden for long: nothing runs in it until it is thawed. */
  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  async thaw(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'active' });
  }

  async goTo(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
  }

  #send(method: string, params: object): Promise<Answer> {
    return this.#devtools.send(method, params, this.#session);
  }
}

/**
 * A browser whose tabs are hidden, frozen and cached as those of a user are. Playwright tells each of its pages that it is looked at, and has the back/forward cache
 * switched off.
 */
export class UserBrowser {
  readonly #process: ChildProcess;
  readonly #profile: TempDir;
  readonly #devtools: DevTools;

  private constructor(process: ChildProcess, profile: TempDir, devtools: DevTools) {
    this.#process = process;
    this.#profile = profile;
    this.#devtools = devtools;
  }

  static async launch(): Promise<UserBrowser> {
    const profile = await tempDir();
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
    ];
    const where = ['--remote-debugging-port=0', `--user-data-dir=${profile.path}`, 'about:blank'];
    const child = spawn(CHROMIUM, [...flags, ...where], { stdio: ['ignore', 'ignore', 'pipe'] });
    for await (const line of createInterface(child.stderr)) {
      const [, url] = /listening on (ws:\S+)/.exec(line) ?? [];
      if (url === undefined) continue;
      child.stderr.resume();
      return new UserBrowser(child, profile, await DevTools.connect(url));
    }
    throw new Error('the browser has ended');
  }

  /** A tab before the others. */
  async tab(url: string): Promise<Tab> {
    const { targetId } = await this.#devtools.send('Target.createTarget', { url });
    const attached = await this.#devtools.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this.#devtools, String(targetId), String(attached['sessionId']));
    await tab.show();
    return tab;
  }

  async close(): Promise<void> {
    const gone = once(this.#process, 'exit');
    await this.#devtools.send('Browser.close');
    await gone;
    await this.#profile[Symbol.asyncDispose]();
  }
}
