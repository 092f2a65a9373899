import assert from 'node:assert/strict';
import { liveService } from '../../protos/live.ts';
import { prefixedFrame } from '../../server/log/frame-prefix.ts';
import { MAX_REQUEST_BYTES } from '../../server/log/sizes.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { Carrier } from '../../server/session/carrier.ts';
import { Failure } from '../../server/session/failure.ts';
import { Refusals } from '../../server/session/refusals.ts';
import type { Sessions } from '../../server/session/sessions.ts';
import type { Entrance } from '../../server/transport/connections/entrance.ts';
import { openEntrance } from '../../server/transport/connections/entrance.ts';
import { AllowedOrigins } from '../../server/transport/http/allowed-origins.ts';
import type { HttpServer } from '../../server/transport/http/server.ts';
import { serveHttp } from '../../server/transport/http/server.ts';
import { WebSocketCarrier } from '../../server/transport/websocket/carrier.ts';
import { binaryMessage } from '../../server/transport/websocket/frames.ts';
import { WebSocketServer } from '../../server/transport/websocket/server.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { until } from '../helpers/poll.ts';
import type { Told } from '../helpers/told.ts';
import { noting } from '../helpers/told.ts';
import { WebSocketAttacker, webSocketFrame } from '../helpers/web-socket-attacker.ts';

const MIB = 2 ** 20;
const [BINARY, CLOSE] = [2, 8];
/** More than all sockets between here and there take. */
const LARGE = Buffer.alloc(16 * MIB, 'x');
const KEEPALIVE = { timeMs: 1_000, timeoutMs: 1_000 };
const PING = webSocketFrame(BINARY, liveService.Connect.requestSerialize({ ping: { nonce: 1 } }));

/** A viewer as its session sees it: nothing is read of it that is not asked for. */
interface Viewer {
  readonly carrier: WebSocketCarrier;
  readonly told: Told;
}

describe('Resumable, Isolated: WebSockets whose viewers, or sessions, do not read', () => {
  let clock: ManualClock;
  let entrance: Entrance;
  let webSockets: WebSocketServer;
  let server: HttpServer;
  let viewers: Viewer[];
  let client: WebSocketAttacker;
  let viewer: Viewer;

  beforeEach(async () => {
    clock = new ManualClock();
    viewers = [];
    const logger = createLogger('silent');
    entrance = openEntrance(
      { clock, random: () => 0, logger, refusals: new Refusals(logger), viewersWait: () => false },
      {
        admission: { connections: 10, ofAddress: 10 },
        suspects: Infinity,
        refusals: Infinity,
        proxies: { trusted: [], protocol: false },
        receiving: { bytes: 256 * MIB, timeoutMs: 1_000 },
      },
    );
    const sessions = { open } as unknown as Pick<Sessions, 'open'>;
    const origins = new AllowedOrigins(undefined);
    const serving = { entrance, sessions, clock, keepalive: KEEPALIVE, controlFrames: Infinity, origins };
    webSockets = new WebSocketServer(serving);
    server = await serveHttp({
      address: { host: '127.0.0.1', port: 0 },
      certificates: undefined,
      reception: entrance.reception,
      failed: (error) => assert.fail(error),
      clock,
      watch: () => () => undefined,
      routes: [],
      upgrade: (...request) => webSockets.upgrade(...request),
    });
    client = new WebSocketAttacker(server.address);
    viewer = await until('it is there', () => viewers[0]);
  });

  afterEach(async () => {
    client[Symbol.dispose]();
    await server.close();
    webSockets.close();
    entrance.close();
  });

  function open(carrier: Carrier): void {
    assert.ok(carrier instanceof WebSocketCarrier);
    const told: Told = [];
    viewers.push({ carrier, told });
    carrier.open(noting(told));
  }

  it('what is large is seen to be taken in parts, and written when all is', async () => {
    client.socket.pause();
    viewer.carrier.write([prefixedFrame(LARGE)]);
    await until('a part is taken', () => viewer.told.includes('progressed'));
    client.socket.removeAllListeners('data').resume();
    await until('all is', () => viewer.told.at(-1) === 'written');
    assert.ok(viewer.told.length > 100);
    await until('it is there', () => client.socket.bytesRead > LARGE.length);
  });

  it('what is written together comes in order, and is written when all is', async () => {
    const bytes: Buffer[] = [];
    client.socket.on('data', (chunk: Buffer) => bytes.push(chunk));
    viewer.carrier.write(['a', 'b', LARGE].map((frame) => prefixedFrame(Buffer.from(frame))));
    await until('it is there', () => client.socket.bytesRead > LARGE.length);
    const small = Buffer.concat(['a', 'b'].map((text) => binaryMessage(Buffer.from(text), MIB)));
    const [before, after] = Buffer.concat(bytes).toString('latin1').split(small.toString('latin1'));
    assert.doesNotMatch(String(before), /^x+$/m);
    assert.equal(after?.match(/x/g)?.length, LARGE.length);
    await until('it is told', () => viewer.told.includes('written'));
    assert.deepEqual(new Set(viewer.told.slice(0, -1)), new Set(['progressed']));
  });

  it('what is not asked for is not read', async () => {
    client.send(PING, webSocketFrame(BINARY, Buffer.alloc(32 * MIB), { announced: 100 * MIB }));
    await until('the first is there', () => viewer.told.includes('received'));
    using other = new WebSocketAttacker(server.address);
    const { carrier, told } = await until('another is there', () => viewers[1]);
    for (let nth = 1; nth <= 50; nth++) {
      other.send(PING);
      await until('another is heard', () => told.length === nth);
      carrier.read();
    }
    assert.ok(entrance.receiving.bytes < MIB);
  });

  it('what is on its way when it is refused is thrown away, so that its end is seen', async () => {
    client.send(PING, ...Array<Buffer>(100_000).fill(PING));
    await until('the first is there', () => viewer.told.includes('received'));
    viewer.carrier.refuse(new Failure('USER_BANNED', 'no more'));
    assert.deepEqual(await client.end(), { code: 4007, reason: 'USER_BANNED: no more' });
    client.socket.end();
    await until('its connection has ended', () => viewer.told.at(-1) === 'closed');
  });

  it('what comes behind the last word of a client is not read', async () => {
    client.send(webSocketFrame(CLOSE), PING);
    await until('it is known', () => viewer.told.includes('halfClosed'));
    viewer.carrier.read();
    await new Promise(setImmediate);
    assert.deepEqual(viewer.told, ['halfClosed']);
  });

  it('who goes on after it was refused is cut off', async () => {
    viewer.carrier.refuse(new Failure('USER_BANNED', 'no more'));
    await client.end();
    client.send(Buffer.alloc(2 * MAX_REQUEST_BYTES + 1));
    await until('its connection has ended', () => viewer.told.at(-1) === 'closed');
  });

  it('who has gone is not looked at any more, and nothing is read of what it has sent', async () => {
    client.send(PING, PING);
    await until('the first is there', () => viewer.told.includes('received'));
    client[Symbol.dispose]();
    await until('it has gone', () => viewer.told.includes('closed'));
    viewer.carrier.read();
    await new Promise(setImmediate);
    assert.deepEqual(viewer.told, ['received', 'closed']);
    clock.advance(10 * KEEPALIVE.timeMs);
    assert.equal(viewer.carrier.quiet, 0);
  });
});
