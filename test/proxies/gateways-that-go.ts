import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request } from 'node:https';
import type { DocumentedProxy, ProxyKind } from '../helpers/documented-proxy.ts';
import type { HandEventSource } from '../helpers/event-source.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import type { ProxiedViewer } from '../helpers/proxy-rig.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';
import { RunRecorder } from '../helpers/recorder.ts';

/** By gRPC, and by WebSocket and server-sent events each. */
const VIEWERS = 20;
const WEB_VIEWERS = 10;

/** What is watched while gateways come and go. */
interface Audience {
  readonly viewers: readonly ProxiedViewer[];
  readonly sources: readonly HandEventSource[];
  readonly load: Load;
  /** Everybody is live, and messages flow. */
  settle(): Promise<void>;
  /** Ends the load. @throws when somebody has lost anything */
  finish(): Promise<void>;
}

async function gather(rig: ProxyRig, proxy: DocumentedProxy): Promise<Audience> {
  const recorder = new RunRecorder();
  const viewers = [
    ...Array.from({ length: VIEWERS }, () => rig.viewer(proxy)),
    ...Array.from({ length: WEB_VIEWERS }, () => rig.webSocketViewer(proxy)),
  ];
  const sources = Array.from({ length: WEB_VIEWERS }, () => rig.eventViewer(proxy, '?from=earliest'));
  for (const { client } of viewers) recorder.follow(client, 'tea');
  const { client } = rig.viewer(proxy);
  const load = new Load(recorder, { client, room: 'tea', sender: 'ann' });
  const audience: Audience = {
    viewers,
    sources,
    load,
    async settle() {
      await flow(load);
      await until('all are live', () => viewers.every(({ live }) => live));
      // Of who has not noticed yet that its gateway is gone nothing can be told by its state.
      const { stored } = load;
      await until('all have all', () => sources.every(({ payloads }) => payloads.length >= stored));
    },
    async finish() {
      await load.stop();
      assertGuarantees(await recorder.finish(client));
      const { head } = await client.room('tea');
      for (const source of sources) await assertWhole(source, Number(head));
    },
  };
  await audience.settle();
  return audience;
}

/** Waits until messages are stored. */
async function flow(load: Load): Promise<void> {
  const before = load.stored;
  await until('messages are stored', () => load.stored >= before + 50);
}

/** Waits until it stands at the room's head. @throws when it did not get every message before that once, in order */
async function assertWhole(source: HandEventSource, head: number): Promise<void> {
  await until('it has come to the head', () => Number(source.all('message').at(-1)?.data['seq']) >= head);
  let last = 0;
  for (const { data } of source.all('message')) {
    assert.equal(data['prevSeq'], last, 'it follows on the one before');
    last = Number(data['seq']);
  }
  assert.equal(last, head);
  assert.deepEqual([...source.all('gap'), ...source.all('reset')], []);
}

/** Tests of gateways that are restarted, and that die, behind a proxy that is configured as documented. */
export function itSurvivesGatewaysThatGo(kind: ProxyKind): void {
  it('viewers by gRPC, WebSocket and events lose nothing when both gateways are restarted, and each finds the next at once', async () => {
    await using rig = await ProxyRig.start('--drain', '2s');
    const audience = await gather(rig, await rig.proxy(kind));
    for (const [index, gateway] of rig.gateways.entries()) {
      gateway.signal('SIGTERM');
      assert.equal(await gateway.exit(), 0);
      await rig.startGateway(index);
      await audience.settle();
    }
    await audience.finish();
    for (const viewer of audience.viewers) {
      // On a busy machine some are not gone by the end of the drain, and are cut off: once by each.
      assert.ok(viewer.times('backoff') <= rig.gateways.length, 'it found the next one at once');
      assert.ok(viewer.times('moving') <= rig.gateways.length, 'it was sent away once by each at most');
    }
    for (const { responses } of audience.sources) {
      assert.ok(responses.length <= 1 + rig.gateways.length, 'it came again once for each at most');
      assert.ok(responses.every(({ status }) => status === 200));
    }
  });

  it('viewers by gRPC, WebSocket and events lose nothing when a gateway dies for good', async () => {
    await using rig = await ProxyRig.start();
    const audience = await gather(rig, await rig.proxy(kind));
    await rig.gateways[0]![Symbol.asyncDispose]();
    await audience.settle();
    await audience.finish();
  });

  it('an EventSource comes again also where no gateway was there, and whoever else asks is told so', async () => {
    await using rig = await ProxyRig.start();
    const proxy = await rig.proxy(kind);
    const source = rig.eventViewer(proxy);
    await source.next('caught-up');
    for (const gateway of rig.gateways) await gateway[Symbol.asyncDispose]();
    await until('it has come in vain, twice', () => source.responses.length >= 3);
    for (const [method, accept] of [
      ['GET', 'application/json'],
      ['POST', 'text/event-stream'],
    ] as const)
      assert.match(String(await statusOf(proxy, rig.ca, { method, headers: { accept } })), /^50[234]$/);
    for (const index of rig.addresses.keys()) await rig.startGateway(index);
    const { data } = await source.next('joined', 2);
    assert.equal(data['outcome'], 'RESUMED');
    assert.deepEqual([...new Set(source.responses.map(({ status }) => status))], [200]);
  });
}

/** The status with which a request for the messages of a room is answered. */
async function statusOf(
  { endpoint }: DocumentedProxy,
  ca: string,
  options: RequestOptions,
): Promise<number | undefined> {
  const asked = request(`${endpoint}/v1/rooms/tea/messages`, { ca, agent: false, ...options }).end();
  const [{ statusCode }] = (await once(asked, 'response')) as [IncomingMessage];
  asked.destroy();
  return statusCode;
}
