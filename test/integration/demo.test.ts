import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** A gateway as `npm start` runs it, but for its gRPC port. */
async function tryOut(directory: TempDir, ...args: string[]): Promise<ServerProcess> {
  const server = new ServerProcess(['--listen', '127.0.0.1:0', '--data-dir', directory.path, ...args]);
  await server.address();
  return server;
}

function readyLine(server: ServerProcess): { readonly demo?: string; readonly http?: string } {
  return server.log.find(({ msg }) => msg === 'ready') ?? {};
}

/** Asks for a page by a name of the host, with anything else in the headers. */
async function ask(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const asking = request(url, { headers, agent: false }).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.resume();
  return response;
}

/** Fetches it to its end: what is not read keeps its connection. */
async function get(url: string | URL, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

describe('the demo room of a gateway that is tried out', () => {
  let directory: TempDir;
  let server: ServerProcess;
  let demo: string;

  before(async () => {
    directory = await tempDir();
    server = await tryOut(directory);
    demo = String(readyLine(server).demo);
  });

  after(async () => {
    await server[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  it('is named where the gateway says that it is ready, and made of what it brings itself', async () => {
    assert.match(demo, /^http:\/\/127\.0\.0\.1:\d+\/demo\/$/);
    const response = await get(demo);
    assert.equal(response.status, 200);
    assert.match(
      String(response.headers.get('content-security-policy')),
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.1:\d+;/,
    );
    assert.match(String(response.headers.get('content-security-policy')), /; frame-ancestors 'none'$/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin');
    const page = response.text;
    const files = [...page.matchAll(/(?:src|href)="([^#"]+)"/g)].map(([, file = '']) => file);
    assert.deepEqual(files, ['data:,', 'demo.css', 'demo.js']);
    for (const [file, type] of [
      ['demo.css', 'text/css; charset=utf-8'],
      ['demo.js', 'text/javascript; charset=utf-8'],
    ] as const) {
      const { status, headers } = await get(new URL(file, demo));
      assert.deepEqual([status, headers.get('content-type')], [200, type]);
    }
  });

  it('says once that viewers are not authenticated, though there are two gateways', () => {
    const warnings = server.log.filter(({ level }) => level === 'warn').map(({ msg }) => msg);
    assert.deepEqual(warnings, [
      'viewers are not authenticated: whoever reaches this address may do everything',
    ]);
  });

  it('is only looked at, and has nothing else in its folder', async () => {
    const head = await get(demo, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    const post = await get(demo, { method: 'POST', body: 'x' });
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
    for (const path of ['index.html', 'package.json', '%2e%2e/package.json', '..%2fmain.js'])
      assert.equal((await get(demo + path)).status, 404, path);
    const bare = await get(demo.slice(0, -1), { redirect: 'manual' });
    assert.deepEqual([bare.status, bare.headers.get('location')], [308, '/demo/']);
  });

  it('refuses whoever asks for it by a name that is not its own: it may be the page of somebody else', async () => {
    const { port } = new URL(demo);
    const host = `evil.example:${port}`;
    const room = new URL('/v1/rooms/demo', demo).href;
    assert.equal((await ask(demo, { host })).statusCode, 421);
    assert.equal((await ask(room, { host })).statusCode, 421);
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', origin: `http://${host}`, host };
    assert.equal((await ask(new URL('/v1/connect', demo).href, upgrade)).statusCode, 421);
    assert.equal((await ask(demo, { host: `localhost:${port}` })).statusCode, 200);
  });

  it('has a second gateway that its own page may kill and start again, and nobody else’s', async () => {
    const second = new URL('second-gateway', demo).href;
    const order = (what: string, headers: Record<string, string> = {}) =>
      get(`${second}/${what}`, { method: 'POST', headers });
    const before = JSON.parse((await get(second)).text) as { address: string; running: boolean };
    assert.equal(before.running, true);
    const page = { origin: new URL(demo).origin };
    const isServed = () =>
      get(`http://${before.address}/v1/rooms/nobody`).then(
        () => true,
        () => false,
      );
    assert.equal((await order('kill', { origin: 'http://evil.example' })).status, 403);
    assert.equal((await ask(second, { host: 'evil.example' })).statusCode, 421);
    assert.equal(await isServed(), true);
    const { headers } = await get(`http://${before.address}/v1/rooms/demo`, {
      headers: { origin: 'http://evil.example' },
    });
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.equal(
      (await ask(`http://${before.address}/v1/rooms/demo`, { host: 'evil.example' })).statusCode,
      421,
    );
    assert.deepEqual(JSON.parse((await order('kill', page)).text), { ...before, running: false });
    assert.equal(await isServed(), false);
    assert.deepEqual(JSON.parse((await order('start', page)).text), before);
    assert.equal(await isServed(), true);
    const again = await Promise.all(['start', 'kill', 'start', 'start'].map((what) => order(what, page)));
    assert.deepEqual(
      again.map(({ status, text }) => [status, JSON.parse(text) as unknown]),
      [true, false, true, true].map((running) => [200, { ...before, running }]),
      'one after the other',
    );
    assert.equal(await isServed(), true);
  });

  it('has its second gateway serve the page under whichever name of this machine it was asked for', async () => {
    await using folder = await tempDir();
    await using other = await tryOut(folder, '--http', '127.0.0.2:0', '--demo', 'true');
    const page = new URL(String(readyLine(other).demo));
    const { address } = JSON.parse((await get(new URL('second-gateway', page))).text) as { address: string };
    for (const host of ['127.0.0.2', '127.0.0.1', 'localhost']) {
      const origin = `http://${host}:${page.port}`;
      const { headers } = await get(`http://${address}/v1/rooms/demo`, { headers: { origin } });
      assert.equal(headers.get('access-control-allow-origin'), origin);
    }
  });

  it('has nobody else’s page kill its second gateway, where everybody is served', async () => {
    await using folder = await tempDir();
    await using open = await tryOut(folder, '--http', '127.0.0.1:0', '--insecure', '--demo', 'true');
    const page = String(readyLine(open).demo);
    const host = 'evil.example';
    assert.equal((await ask(page, { host })).statusCode, 200);
    assert.equal((await ask(new URL('second-gateway', page).href, { host })).statusCode, 421);
  });

  it('has another port where the usual one is taken', async () => {
    await using second = await tempDir();
    await using other = await tryOut(second);
    const address = String(readyLine(other).demo);
    assert.notEqual(address, demo);
    assert.equal((await get(address)).status, 200);
  });

  it('is not there when it is not wanted', async () => {
    await using second = await tempDir();
    await using other = await tryOut(second, '--demo', 'false');
    assert.deepEqual([readyLine(other).demo, readyLine(other).http], [undefined, undefined]);
  });
});
