import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerConfig } from '../../server/config/config.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET } from '../helpers/tokens.ts';
import { WebSocketViewer } from '../helpers/web-socket-viewer.ts';

const STRANGERS = [
  'evil.example',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'localhost@evil.example',
  'x',
  '192.0.2.1',
  '[2001:db8::1]',
];

describe('a page whose name its owner has resolved to this machine (DNS rebinding)', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  afterEach(() => gateway.close());

  async function serve(settings: Partial<ServerConfig> = {}): Promise<void> {
    gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 }, ...settings });
  }

  /** The status of what a page of `host` asks for. */
  async function status(path: string, host: string, method = 'GET'): Promise<number> {
    const options = { method, headers: { host, origin: `http://${host}` }, agent: false };
    const asking = request(`http://${gateway.http}${path}`, options).end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(response.headers['access-control-allow-origin'] === undefined, response.statusCode === 421);
    return response.statusCode ?? 0;
  }

  it('is answered nothing without tokens', async () => {
    await serve();
    const { port } = new URL(`http://${gateway.http}`);
    for (const stranger of STRANGERS) {
      assert.equal(await status('/v1/rooms/nobody', `${stranger}:${port}`), 421, stranger);
      const headers = { host: `${stranger}:${port}`, origin: `http://${stranger}:${port}` };
      using viewer = new WebSocketViewer(String(gateway.http), { headers });
      const refused = await until('it is refused', () => viewer.refused);
      assert.equal(refused.status, 421, stranger);
      assert.match(refused.body, /MISDIRECTED_REQUEST.*--insecure/);
    }
    for (const path of ['/v1/rooms/nobody/messages', '/v1/rooms/nobody/events', '/v1/openapi.json'])
      for (const method of ['GET', 'POST', 'OPTIONS'])
        assert.equal(await status(path, 'evil.example', method), 421, `${method} ${path}`);
    assert.equal(await status('/live.v1.Live/Publish', 'evil.example', 'POST'), 421);
    assert.equal(gateway.stats.sessions, 0);
  });

  it('is no page of this machine, which is answered', async () => {
    await serve();
    const { port } = new URL(`http://${gateway.http}`);
    for (const own of ['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '[::1]'])
      assert.equal(await status('/v1/rooms/nobody', `${own}:${port}`), 404, own);
  });

  it('is answered where everybody is to be', async () => {
    await serve({ insecure: true });
    assert.equal(await status('/v1/rooms/nobody', 'evil.example'), 404);
  });

  it('is asked for a token where those are asked for', async () => {
    await using directory = await tempDir();
    const jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
    await serve({ jwtSecretFile });
    assert.equal(await status('/v1/rooms/nobody', 'shop.example'), 401);
  });
});
