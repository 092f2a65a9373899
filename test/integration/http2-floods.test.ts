import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { connect } from 'node:net';
import type { FloodKind } from '../../bench/wire/flood.ts';
import { Flood } from '../../bench/wire/flood.ts';
import { FLAG, PREFACE, TYPE, frame, requestHeaders, uint32 } from '../../bench/wire/http2-frames.ts';
import { parseAddress } from '../../common/units.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { liveService } from '../../protos/live.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { AttackedCall } from '../helpers/http2-attacker.ts';
import { Http2Attacker } from '../helpers/http2-attacker.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';

/** Fewer of the shortest frames than HTTP/2 itself lets wait for their answers, which are a thousand. */
const BLOCK_BYTES = 4_096;

const hello = grpcMessage(liveService.Connect.requestSerialize({ hello: {} }));

/** A call with 64 KiB of headers, in several frames. */
function largeCall(stream: number): Buffer {
  const header = Buffer.concat([Buffer.from([0, 1, 0x78, 0x7f, 0xfb, 0x7e]), Buffer.alloc(16_378, 'x')]);
  const rest = Array.from({ length: 4 }, (_, n) =>
    frame(TYPE.continuation, n === 3 ? FLAG.endHeaders : 0, stream, header),
  );
  return Buffer.concat([
    frame(TYPE.headers, 0, stream, requestHeaders('/live.v1.Live/Connect', 'x')),
    ...rest,
  ]);
}

const repeat = (count: number, make: (n: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));

const opening = Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0, Buffer.alloc(0))]);
const severalTooLarge = (): Buffer => Buffer.concat([opening, repeat(60, (n) => largeCall(2 * n + 1))]);
const tooManyPings = (): Buffer =>
  Buffer.concat([
    opening,
    repeat(1_001, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))),
    repeat(60, (n) => largeCall(2 * n + 1)),
  ]);
const tooManyResets = (): Buffer =>
  Buffer.concat([
    opening,
    repeat(400, (n) =>
      Buffer.concat([
        frame(TYPE.headers, FLAG.endHeaders, 2 * n + 1, requestHeaders('/live.v1.Live/Connect', 'x')),
        frame(TYPE.reset, 0, 2 * n + 1, uint32(8)),
      ]),
    ),
    repeat(60, (n) => largeCall(2 * n + 801)),
  ]);

describe('Isolated: floods of frames', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let floods: Flood[];

  beforeEach(async () => {
    nats = await startNats();
    floods = [];
  });

  afterEach(async () => {
    for (const flood of floods) flood.stop();
    await gateway.close();
    await nats.stop();
  });

  async function start(overrides: Partial<ServerConfig> = {}): Promise<void> {
    gateway = await startTestGateway(nats.url, overrides);
  }

  function flood(kind: FloodKind, blockBytes?: number): Flood {
    const started = new Flood(parseAddress(gateway.address)!, kind, blockBytes);
    floods.push(started);
    return started;
  }

  /** A viewer is served: it is answered, and was not cut off before. */
  async function served(viewer: RawStream, nonce: number): Promise<void> {
    viewer.send({ ping: { nonce } });
    await until('it is answered', () => viewer.all('pong').some((pong) => pong.nonce === String(nonce)));
    assert.equal(viewer.ended, undefined);
  }

  for (const kind of ['pings', 'settings', 'empty settings'] as const) {
    it(`${kind}: a connection that sends more than it may is ended, and others are served`, async () => {
      await start({ controlFrames: 500 });
      using viewer = RawStream.hello(gateway.address);
      const flooding = flood(kind, BLOCK_BYTES);
      await until('it was ended, and again', () => (gateway.stats.refused.get('CONTROL_FRAMES') ?? 0) > 2);
      await served(viewer, 1);
      await until('it sees that', () => flooding.counts.closed > 2);
    });
  }

  it('a connection that is ended for its pings is told why', async () => {
    await start({ controlFrames: 100 });
    using attacker = new Http2Attacker(gateway.address);
    let code: number | undefined;
    attacker.session.on('goaway', (told) => (code = told as number));
    await once(attacker.session, 'remoteSettings');
    const ping = (): void => {
      if (!attacker.closed && !attacker.session.destroyed) attacker.session.ping(ping);
    };
    ping();
    await until('it is closed', () => attacker.closed);
    assert.equal(code, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    assert.equal(gateway.stats.refused.get('CONTROL_FRAMES'), 1);
  });

  it('as many pings as may be are answered', async () => {
    await start({ controlFrames: 100 });
    using attacker = new Http2Attacker(gateway.address);
    await once(attacker.session, 'remoteSettings');
    let answered = 0;
    // Ten at a time, which is what a client may have on their way.
    while (answered < 90) {
      const pings = Array.from(
        { length: 10 },
        () =>
          new Promise<void>((resolve) => {
            attacker.session.ping(() => {
              answered++;
              resolve();
            });
          }),
      );
      await Promise.all(pings);
    }
    assert.equal(attacker.closed, false);
    assert.equal(gateway.stats.refused.get('CONTROL_FRAMES'), undefined);
  });

  for (const kind of [
    'resets',
    'refused calls',
    'calls without end',
    'continuations',
    'huge headers',
    'empty data',
    'window updates',
    'unknown frames',
  ] as const) {
    it(`${kind}: others are served meanwhile`, async () => {
      await start();
      using viewer = RawStream.hello(gateway.address);
      await viewer.next('welcome');
      const flooding = flood(kind);
      for (let nonce = 1; nonce <= 20; nonce++) {
        const before = flooding.counts.frames;
        await served(viewer, nonce);
        await until('more has come', () => flooding.counts.frames > before);
      }
      flooding.stop();
      await until(
        'nothing is left of it',
        () => gateway.stats.sessions === 1 && gateway.stats.connections === 1,
      );
    });
  }

  it('headers are 16 KiB at most: a call with more is reset, and costs no memory', async () => {
    await start();
    using client = new Http2Attacker(gateway.address);
    await once(client.session, 'remoteSettings');
    assert.equal(client.session.remoteSettings.maxHeaderListSize, 16 * 1024);
    const call = (size: number): ClientHttp2Stream =>
      client.session
        .request({
          ':method': 'POST',
          ':path': liveService.Connect.path,
          'content-type': 'application/grpc',
          te: 'trailers',
          x: 'x'.repeat(size),
        })
        .on('error', () => undefined)
        .resume();
    const large = call(17 * 1024);
    await until('it is reset', () => large.closed);
    assert.equal(large.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const fair = call(12 * 1024);
    let answered = false;
    fair.on('response', () => (answered = true));
    await until('it is answered', () => answered);
  });

  it('who never acknowledges that limit is held to it all the same, and soon rid of the connection', async () => {
    await start();
    using viewer = RawStream.hello(gateway.address);
    const flooding = flood('huge headers');
    await until('it was retired, and again', () => (gateway.stats.refused.get('STREAM_RESETS') ?? 0) > 2);
    await until('it sees that', () => flooding.counts.closed > 2);
    assert.equal(gateway.stats.sessions, 1, 'none of its calls was begun with');
    await served(viewer, 1);
  });

  it('a connection may have few streams at first, and a thousand when it has had many', async () => {
    await start();
    using client = new Http2Attacker(gateway.address);
    await once(client.session, 'remoteSettings');
    assert.equal(client.session.remoteSettings.maxConcurrentStreams, 100);
    await openAll(client, 1_000);
    assert.equal(client.session.remoteSettings.maxConcurrentStreams, 1_000);
  });

  it('an address whose connections break the rules of HTTP/2 has to wait, and nobody who has one loses it', async () => {
    await start({ suspectConnections: 5 });
    using viewer = RawStream.hello(gateway.address);
    await viewer.next('welcome');
    const flooding = Array.from({ length: 40 }, () => flood('refused calls'));
    await until('more come than may wait', () => (gateway.stats.refused.get('SUSPECT_ADDRESS') ?? 0) > 0);
    await served(viewer, 1);
    for (const each of flooding) each.stop();
    await until('who comes again as often as refused is served', async () => {
      using late = RawStream.hello(gateway.address);
      await until('it is welcome, or refused', () => late.all('welcome').length > 0 || late.ended);
      return late.all('welcome').length > 0;
    });
  });

  it('no header block that its connection does not live to see ends the process', async () => {
    await start();
    // The collector runs often: Node counts the memory of a session when it is collected, and ends the process when it is wrong (nodejs/node: CVE-2024-27983 and its like).
    const script = 'node=$1; shift; exec "$node" --gc-interval=2000 "$@"';
    const args = ['--nats', nats.url, '--listen', '127.0.0.1:0', '--suspect-connections', 'unlimited'];
    await using server = new ServerProcess(args, {}, ['sh', '-c', script, 'sh']);
    const address = parseAddress(await server.address())!;
    for (const breaking of [severalTooLarge(), tooManyPings(), tooManyResets()]) {
      for (let n = 0; n < 60; n++) {
        const socket = connect(address).on('error', () => undefined);
        let closed = false;
        socket.on('close', () => (closed = true)).resume();
        socket.write(breaking);
        // What one side has begun with when the other ends it is different each time.
        if (n % 2 === 0) socket.end();
        else await until('it is closed, or read', () => closed || socket.writableLength === 0);
        socket.destroy();
        assert.equal(server.exited, false, server.stderr);
      }
    }
    using viewer = RawStream.hello(`${address.host}:${address.port}`);
    await viewer.next('welcome');
  });

  it('who resets calls before they are begun with is soon rid of the connection', async () => {
    await start();
    const flooding = flood('resets');
    await until('it was retired, and again', () => (gateway.stats.refused.get('STREAM_RESETS') ?? 0) > 2);
    await until('it sees that', () => flooding.counts.closed > 2);
    assert.equal(flooding.counts.goaways.get(constants.NGHTTP2_INTERNAL_ERROR), undefined);
  });

  it('a client may cancel two hundred calls at once', async () => {
    await start();
    using client = new Http2Attacker(gateway.address);
    await once(client.session, 'remoteSettings');
    const calls = Array.from({ length: 200 }, () => client.open('Connect', hello));
    await until('they are open', () => gateway.stats.sessions === 200);
    for (const { stream } of calls) stream.close(constants.NGHTTP2_CANCEL);
    await until('they are gone', () => gateway.stats.sessions === 0);
    client.open('Connect', hello);
    await until('another is open', () => gateway.stats.sessions === 1);
    assert.equal(client.closed, false);
  });

  it('nine hundred viewers of a connection may all come again within a second', async () => {
    await start();
    using proxy = new Http2Attacker(gateway.address);
    await once(proxy.session, 'remoteSettings');
    let goaway = false;
    proxy.session.on('goaway', () => (goaway = true));
    const before = await openAll(proxy, 900);
    for (const { stream } of before) stream.close(constants.NGHTTP2_CANCEL);
    await openAll(proxy, 900);
    assert.deepEqual({ goaway, closed: proxy.closed }, { goaway: false, closed: false });
  });

  it('a connection that resets one stream after the other is retired, and those that it has go on', async () => {
    await start();
    using proxy = new Http2Attacker(gateway.address);
    await once(proxy.session, 'remoteSettings');
    let code: number | undefined;
    // Not as Node's clients do, which would close the connection.
    proxy.session.removeAllListeners('goaway').on('goaway', (told) => (code = told as number));
    const [kept] = await openAll(proxy, 1);
    for (let n = 0; n < 2 && code === undefined; n++) {
      const calls = await openAll(proxy, 900);
      for (const { stream } of calls) stream.close(constants.NGHTTP2_CANCEL);
      await until(
        'they are gone, or no more may come',
        () => gateway.stats.sessions === 1 || code !== undefined,
      );
    }
    await until('it is told', () => code !== undefined);
    assert.equal(code, constants.NGHTTP2_NO_ERROR);
    await until('the others are gone', () => gateway.stats.sessions === 1);
    assert.equal(gateway.stats.refused.get('STREAM_RESETS'), 1);
    let bytes = 0;
    kept?.stream.on('data', (received: Buffer) => (bytes += received.length));
    kept?.stream.write(grpcMessage(liveService.Connect.requestSerialize({ ping: { nonce: 1 } })));
    await until('who has stayed is served', () => bytes > 0);
  });

  /** Opens so many viewers' streams by a connection. */
  async function openAll(client: Http2Attacker, count: number): Promise<AttackedCall[]> {
    const calls = Array.from({ length: count }, () => client.open('Connect', hello));
    let welcomed = 0;
    for (const { stream } of calls) stream.once('data', () => welcomed++);
    await until('all are served', () => welcomed === count);
    return calls;
  }
});
