import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:http2';
import { get } from 'node:https';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { ClientFrameInput } from '../../protos/live.ts';
import { liveService, LiveStub } from '../../protos/live.ts';
import type { DocumentedProxy, ProxyKind, Replacements } from '../helpers/documented-proxy.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { grpcMessage } from '../helpers/tcp-viewer.ts';
import { WebSocketViewer } from '../helpers/web-socket-viewer.ts';

/** Longer than what a busy machine may keep a viewer waiting. */
const SLOW_CONSUMER_TIMEOUT = '10s';

/** Opens a stream that joins a room and that nobody reads. */
function openStuck(rig: ProxyRig, proxy: DocumentedProxy): ClientHttp2Stream {
  const session = connect(proxy.endpoint, { ca: rig.ca, ALPNProtocols: ['h2'] });
  session.on('error', () => undefined);
  const headers = {
    ':method': 'POST',
    ':path': liveService.Connect.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const stream = session.request(headers, { endStream: false });
  stream.on('error', () => undefined);
  const say = (frame: ClientFrameInput): void =>
    void stream.write(grpcMessage(liveService.Connect.requestSerialize(frame)));
  say({ hello: { client: 'stuck' } });
  say({ join: { room: 'tea', start: { live: {} } } });
  return stream;
}

/** Opens a WebSocket that joins a room and that nobody reads. */
async function openStuckWebSocket(rig: ProxyRig, proxy: DocumentedProxy): Promise<WebSocketViewer> {
  const viewer = WebSocketViewer.hello(
    proxy.webSocketEndpoint,
    { client: 'stuck WebSocket' },
    { ca: rig.ca },
  );
  viewer.send({ join: { room: 'tea', start: { live: {} } } });
  await viewer.next('joined');
  viewer.socket.pause();
  return viewer;
}

/** Asks for the events of a room, and reads none of them. */
function openStuckEvents(rig: ProxyRig, proxy: DocumentedProxy): ClientRequest {
  const headers = { 'user-agent': 'stuck events' };
  const request = get(`${proxy.endpoint}/v1/rooms/tea/events`, { ca: rig.ca, agent: false, headers });
  // Whoever is given the answer has to read it; who is not, Node reads for.
  request.on('response', (response) => response.pause());
  request.on('error', () => undefined);
  return request;
}

/** A test that a viewer which does not read is ended, and that nobody else who comes by the proxy is. */
export function itEndsTheStuckOneAlone(kind: ProxyKind): void {
  it('viewers that do not read are ended, by whatever they come, and others behind the same proxy get everything meanwhile', async () => {
    await using rig = await ProxyRig.start('--slow-consumer-timeout', SLOW_CONSUMER_TIMEOUT);
    const proxy = await rig.proxy(kind);
    const recorder = new RunRecorder();
    const viewers = [
      ...Array.from({ length: 6 }, () => rig.viewer(proxy)),
      ...Array.from({ length: 3 }, () => rig.webSocketViewer(proxy)),
    ];
    const source = rig.eventViewer(proxy, '?from=earliest');
    const recordings = viewers.map(({ client }) => recorder.follow(client, 'tea'));
    await until('they are live', () => viewers.every(({ live }) => live));
    const stuck = openStuck(rig, proxy);
    using _webSocket = await openStuckWebSocket(rig, proxy);
    const events = openStuckEvents(rig, proxy);
    const names = ['stuck', 'stuck WebSocket', 'stuck events'];
    const isThere = (name: string): boolean => rig.log.some(({ client }) => client === name);
    await until('they are there', () => names.every(isThere));
    const message = { type: 'gift', payload: Buffer.alloc(16 * 1_024, 'x') };
    const { client } = rig.viewer(proxy);
    const load = new Load(recorder, { client, room: 'tea', sender: 'ann', message });
    const isEnded = (name: string): boolean =>
      rig.log.some((line) => line['client'] === name && String(line['msg']).includes('slow consumer'));
    await until('they are ended', () => names.every(isEnded));
    const { stored } = load;
    await until('more is stored', () => load.stored > stored + 50);
    await load.stop();
    await until('all have all', () => recordings.every(({ messages }) => messages.length >= load.stored));
    for (const viewer of viewers) assert.equal(viewer.times('backoff'), 0);
    await source.next('message', load.stored);
    assert.equal(source.responses.length, 1);
    assertGuarantees(await recorder.finish(client));
    stuck.session?.destroy();
    events.destroy();
  });
}

/** A test of what a proxy does where a gateway takes few streams on a connection. */
export function itOpensFurtherConnections(kind: ProxyKind): void {
  // Some open more than may be before they are told how many: those come again.
  it('viewers for whom there is no room on a connection get another', async () => {
    await using rig = await ProxyRig.start('--max-streams', '3', '--metrics', '127.0.0.1:0');
    const proxy = await rig.proxy(kind);
    const viewers = Array.from({ length: 20 }, () => rig.viewer(proxy));
    for (const { client } of viewers) client.join('tea');
    await until('all are live', () => viewers.every(({ live }) => live));
    assert.ok((await rig.metric('live_gateway_connections')) >= 20 / 3);
  });
}

/** A test that gateways are told the address of a viewer, and not what the viewer says. */
export function itPassesAddressesOn(
  kind: ProxyKind,
  how: string,
  changes: Replacements,
  name: RegExp,
  ...settings: string[]
): void {
  it(`the gateway is told the address of a viewer by ${how}, and not what the viewer makes up`, async () => {
    await using rig = await ProxyRig.start('--trusted-proxies', '127.0.0.0/8', ...settings);
    const proxy = await rig.proxy(kind, changes);
    const stub = new LiveStub(
      proxy.endpoint.replace('https://127.0.0.1', 'localhost'),
      credentials.createSsl(Buffer.from(rig.ca)),
    );
    const metadata = new Metadata();
    metadata.set('x-forwarded-for', '198.51.100.7');
    const call = stub.connect(metadata);
    call.on('error', () => undefined);
    call.write({ hello: { client: 'liar' } });
    await once(call, 'data');
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    using _webSocket = WebSocketViewer.hello(
      proxy.webSocketEndpoint,
      { client: 'lying WebSocket' },
      { ca: rig.ca, headers },
    );
    rig.eventViewer(proxy, '', { headers: { ...headers, 'user-agent': 'lying events' } });
    for (const liar of ['liar', 'lying WebSocket', 'lying events']) {
      const line = await until(`${liar} is logged`, () => rig.log.find(({ client }) => client === liar));
      assert.match(String(line['peer']), name);
    }
    call.cancel();
    stub.close();
  });
}
