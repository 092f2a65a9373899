import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseNetwork } from '../../common/node/network.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { proxyHeaderV1 } from '../helpers/proxy-headers.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';
import { HANDSHAKE, WebSocketAttacker } from '../helpers/web-socket-attacker.ts';
import { WebSocketViewer } from '../helpers/web-socket-viewer.ts';

const HTTP = { http: { host: '127.0.0.1', port: 0 } };
const LIVE = { live: {} };
const MIB = 2 ** 20;

type Overrides = Parameters<typeof startTestGateway>[1];
type Dependencies = Parameters<typeof startTestGateway>[2];

describe('Resumable: viewers by WebSocket', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let http: string;

  before(async () => {
    nats = await startNats();
  });

  after(() => nats.stop());

  afterEach(() => gateway.close());

  async function start(overrides: Overrides = {}, dependencies: Dependencies = {}): Promise<void> {
    gateway = await startTestGateway(nats.url, { ...HTTP, ...overrides }, dependencies);
    http = gateway.http!;
  }

  const gift = (key: string, payload: string | Buffer = 'rose', room = 'tea') => ({
    publish: { requestId: 1, request: { room, type: 'gift', key, payload: Buffer.from(payload) } },
  });

  it('get what is published, and resume where they were', async () => {
    await start();
    using viewer = WebSocketViewer.hello(http);
    await viewer.next('welcome');
    assert.equal(viewer.socket.protocol, 'live.v1');
    viewer.send({ join: { room: 'tea', start: LIVE } });
    const { cursor } = await viewer.next('joined');
    await viewer.next('caughtUp');
    viewer.send(gift('one'));
    const { results } = await viewer.next('publishResults');
    assert.ok(results[0]?.published);
    const { reliable } = await viewer.next('batch');
    assert.deepEqual(
      reliable.map(({ payload }) => payload.toString()),
      ['rose'],
    );
    viewer.socket.close();
    assert.deepEqual(await viewer.ended(), { code: 1000, reason: 'OK' });

    using resumed = WebSocketViewer.hello(http);
    resumed.send({ join: { room: 'tea', cursor } });
    const { outcome } = await resumed.next('joined');
    assert.equal(outcome, 'OUTCOME_RESUMED');
    const replay = await resumed.next('batch');
    assert.deepEqual(
      replay.reliable.map(({ seq }) => seq),
      reliable.map(({ seq }) => seq),
    );
  });

  for (const features of [[], ['FEATURE_DEFLATE']] as 'FEATURE_DEFLATE'[][]) {
    it(`get byte for byte the frames of gRPC, large ones and small ones${features.length > 0 ? ', compressed' : ''}`, async () => {
      const room = `same-${features.length}`;
      await start();
      using viewer = WebSocketViewer.hello(http, { client: 'raw', features });
      using other = RawStream.hello(gateway.address, { client: 'raw', features });
      for (const stream of [viewer, other]) stream.send({ join: { room, start: LIVE } });
      await viewer.next('caughtUp');
      await other.next('caughtUp');
      const payloads = [0, 1, 100, 125, 1_000, 65_535, 81_000, 700_000].map((size) =>
        Buffer.alloc(size, 'a rose is '),
      );
      const batches = ({ frames }: Pick<WebSocketViewer, 'frames'>): string[] =>
        frames
          .filter(({ frame }) => frame === 'batch' || frame === 'deflated')
          .filter(({ batch, deflated }) => deflated !== undefined || (batch?.reliable.length ?? 0) > 0)
          .map(({ batch, deflated }) => JSON.stringify(deflated ?? batch?.reliable));
      for (const [n, payload] of payloads.entries()) {
        using publisher = WebSocketViewer.hello(http);
        publisher.send(gift(`key-${n}`, payload, room));
        await publisher.next('publishResults');
        // One after the other: who is late gets two in a batch.
        await until('both have it', () => [viewer, other].every((stream) => batches(stream).length > n));
      }
      assert.deepEqual(batches(viewer), batches(other));
      assert.equal(
        viewer.frames.some(({ frame }) => frame === 'deflated'),
        features.length > 0,
      );
    });
  }

  it('publish what comes in parts, and as much as a request may have', async () => {
    await start();
    using viewer = WebSocketViewer.hello(http);
    await viewer.next('welcome');
    const payload = Buffer.alloc(900_000, 'x');
    viewer.sendInParts(gift('parts', payload), 10_000);
    const { results } = await viewer.next('publishResults');
    assert.ok(results[0]?.published);
  });

  it('bring a token as a sub-protocol, as a header or in Hello, and are refused without one', async () => {
    await using directory = await tempDir();
    const jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, `${SECRET}\n`);
    await start({ jwtSecretFile });
    const ann = token({ sub: 'ann', exp: inSeconds(600) });
    for (const viewer of [
      WebSocketViewer.hello(http, {}, { protocols: ['live.v1', `live.bearer.${ann}`] }),
      WebSocketViewer.hello(http, {}, { protocols: [`live.bearer.${ann}`, 'live.v1'] }),
      WebSocketViewer.hello(http, {}, { headers: { authorization: `Bearer ${ann}` } }),
      WebSocketViewer.hello(http, {}, { headers: { authorization: `bearer ${ann}` } }),
      WebSocketViewer.hello(http, { token: ann }),
    ]) {
      using served = viewer;
      await served.next('welcome');
      assert.equal(served.socket.protocol, 'live.v1', 'the token is not told back');
    }
    using without = WebSocketViewer.hello(http);
    const { code, reason } = await without.ended();
    assert.equal(code, 4016);
    assert.match(reason, /^TOKEN_MISSING: /);
    using wrong = WebSocketViewer.hello(http, {}, { protocols: ['live.v1', 'live.bearer.x.y.z'] });
    assert.match((await wrong.ended()).reason, /^TOKEN_INVALID: /);
    using inUrl = WebSocketViewer.hello(http, {}, { path: `/v1/connect?token=${ann}` });
    assert.match((await inUrl.ended()).reason, /^TOKEN_MISSING: /);
  });

  it('are told by HTTP what is wrong with their handshake', async () => {
    await start();
    const refused = async (viewer: WebSocketViewer): Promise<unknown> => {
      using asked = viewer;
      const { status, body } = await until('it is refused', () => asked.refused);
      return { status, ...(JSON.parse(body) as { reason: string }) };
    };
    const assertRefused = async (
      options: ConstructorParameters<typeof WebSocketViewer>[1],
      expected: { status: number; reason: string },
    ): Promise<void> => {
      const { status, reason } = (await refused(new WebSocketViewer(http, options))) as typeof expected;
      assert.deepEqual({ status, reason }, expected);
    };
    await assertRefused({ path: '/v1/other' }, { status: 404, reason: 'NOT_FOUND' });
    await assertRefused({ protocols: [] }, { status: 400, reason: 'REQUEST_INVALID' });
    await assertRefused({ protocols: ['live.v2'] }, { status: 400, reason: 'REQUEST_INVALID' });
    await assertRefused({ protocolVersion: 8 }, { status: 426, reason: 'REQUEST_INVALID' });
    await assertRefused({ origin: 'https://elsewhere' }, { status: 403, reason: 'ORIGIN_NOT_ALLOWED' });
    await assertRefused({ origin: 'null' }, { status: 403, reason: 'ORIGIN_NOT_ALLOWED' });
    assert.equal(gateway.stats.refused.get('ORIGIN_NOT_ALLOWED'), 2);
    for (const [asked, told] of [
      [HANDSHAKE.replace('GET', 'PUT'), /^HTTP\/1.1 400 /],
      [HANDSHAKE.replace('ZQ==', 'ZQ'), /^HTTP\/1.1 400 /],
      [
        HANDSHAKE.replace('Version: 13', 'Version: 8'),
        /^HTTP\/1.1 426 [^]*\r\nsec-websocket-version: 13\r\n/,
      ],
    ] as const) {
      using byHand = new WebSocketAttacker(http, asked);
      await byHand.end();
      assert.match(byHand.text, told);
    }
    using same = WebSocketViewer.hello(http, {}, { origin: `http://${http}` });
    await same.next('welcome');
  });

  it('may come from the pages of --http-origins', async () => {
    await start({ httpOrigins: ['https://a.example'] });
    using allowed = WebSocketViewer.hello(http, {}, { origin: 'https://a.example' });
    await allowed.next('welcome');
    using own = new WebSocketViewer(http, { origin: `http://${http}` });
    assert.equal((await until('it is refused', () => own.refused)).status, 403);
    await gateway.close();
    await start({ httpOrigins: ['*'] });
    using any = WebSocketViewer.hello(http, {}, { origin: 'https://b.example' });
    await any.next('welcome');
  });

  it('count for the limits of connections together with viewers by gRPC', async () => {
    await start({ maxConnections: 2 });
    using viewer = WebSocketViewer.hello(http);
    await viewer.next('welcome');
    using stream = RawStream.hello(gateway.address);
    await stream.next('welcome');
    assert.deepEqual([gateway.stats.connections, gateway.stats.sessions], [2, 2]);
    using late = new WebSocketViewer(http);
    await late.ended();
    assert.equal(gateway.stats.refused.get('CONNECTION_LIMIT'), 1);
    viewer.socket.close();
    await viewer.ended();
    await until('there is room', () => gateway.stats.connections === 1);
    using next = WebSocketViewer.hello(http);
    await next.next('welcome');
  });

  it('are known by what a trusted proxy says of them', async () => {
    await start({ trustedProxies: [parseNetwork('127.0.0.0/8')!], proxyProtocol: true });
    using refused = new WebSocketAttacker(http);
    await refused.end();
    assert.equal(refused.text, '', 'without the header of the PROXY protocol');
    using proxied = new WebSocketAttacker(
      http,
      Buffer.concat([proxyHeaderV1('TCP4 198.51.100.7 127.0.0.1 4711 443'), Buffer.from(HANDSHAKE)]),
    );
    await until('it is served', () => proxied.text.startsWith('HTTP/1.1 101 '));
  });

  it('are served by wss, and by more than one worker', async () => {
    await start();
    await using directory = await tempDir();
    const authority = await Authority.create(directory.path);
    const { certFile, keyFile } = await authority.issue();
    await using server = await ServerProcess.start(
      nats.url,
      ...[
        '--workers',
        '2',
        '--drain',
        '200ms',
        '--http',
        '127.0.0.1:0',
        '--tls-cert',
        certFile,
        '--tls-key',
        keyFile,
      ],
    );
    const address = String(server.log.find(({ msg }) => msg === 'ready')?.['http']);
    const viewers = Array.from({ length: 6 }, () =>
      WebSocketViewer.hello(`wss://${address}`, {}, { ca: authority.ca }),
    );
    for (const viewer of viewers) viewer.send({ join: { room: 'workers', start: LIVE } });
    for (const viewer of viewers) await viewer.next('caughtUp');
    viewers[0]?.send(gift('w', Buffer.alloc(300_000, 'y'), 'workers'));
    for (const viewer of viewers) {
      const { reliable } = await viewer.next('batch');
      assert.equal(reliable[0]?.payload.length, 300_000);
    }
    server.signal('SIGTERM');
    for (const viewer of viewers) {
      await viewer.next('reconnect');
      assert.equal((await viewer.ended()).code, 1000);
    }
    assert.equal(await server.exit(), 0);
  });

  it('are sent away when the gateway drains, and their connections end', async () => {
    await start();
    using viewer = WebSocketViewer.hello(http);
    viewer.send({ join: { room: 'tea', start: LIVE } });
    await viewer.next('caughtUp');
    const drained = gateway.drain(200);
    assert.equal((await viewer.next('reconnect')).reason, 'REASON_DRAINING');
    assert.deepEqual(await viewer.ended(), { code: 1000, reason: 'OK' });
    await drained;
  });

  it('lose their connection when they take nothing, and others get everything meanwhile', async () => {
    const clock = new SkippingClock();
    await start({ slowConsumerTimeoutMs: 600_000, roomLogBytes: MIB, logBytes: 2 * MIB }, { clock });
    using stuck = WebSocketViewer.hello(http, { client: 'stuck' });
    using viewer = WebSocketViewer.hello(http);
    for (const each of [stuck, viewer]) {
      each.send({ join: { room: 'hot', start: LIVE } });
      await each.next('caughtUp');
    }
    stuck.socket.pause();
    const seen = (): number =>
      viewer.frames.reduce((count, { batch }) => count + (batch?.reliable.length ?? 0), 0);
    const payload = Buffer.alloc(500_000, 'z');
    for (let n = 0; n < 30; n++) {
      viewer.send(gift(`hot-${n}`, payload, 'hot'));
      await until('the others have it', () => seen() > n);
    }
    clock.skip(650_000);
    await until('the stuck one has gone', () => gateway.stats.sessions === 1);
    viewer.send({ ping: { nonce: 1 } });
    await viewer.next('pong');
  });
});
