import assert from 'node:assert/strict';
import type { StreamUpdateConfig } from 'nats';
import type { LiveError } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { SUCCEEDS } from '../../server/nats/stream/stream-state.ts';
import { streamConfig } from '../../server/nats/stream/stream.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load } from '../helpers/load.ts';
import { MIRROR, mirrorConfig } from '../helpers/mirror.ts';
import { natsVersion } from '../helpers/nats-version.ts';
import { until } from '../helpers/poll.ts';
import type { RoomRecording } from '../helpers/recorder.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { Region } from '../helpers/region.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

const ROOM = 'final';

describe('Resumable, Reliable: two regions, each with a NATS cluster, and a leaf node per gateway', () => {
  let hub: Region;
  let eu: Region;
  let clients: LiveClient[];
  let recorder: RunRecorder;
  let version: string;

  before(async function () {
    version = await natsVersion();
    // Mirrors republish from 2.10 on.
    if (version.startsWith('2.9.')) this.skip();
  });

  beforeEach(async () => {
    clients = [];
    recorder = new RunRecorder();
    hub = await Region.start({ domain: 'hub', servers: 3 });
    eu = await Region.start({ domain: 'eu', servers: 3, hub });
    await hub.addGateway('--replicas', '3');
    await hub.addGateway('--replicas', '3');
    await using operator = await StockProducer.connect(eu.urls[0]!, MIRROR);
    await operator.jsm.streams.add(mirrorConfig('$JS.hub.API', 3));
    await eu.addGateway('--replicas', '3', '--stream', MIRROR);
    await eu.addGateway('--replicas', '3', '--stream', MIRROR);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await eu[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  /** A client that begins at the first of these regions, at the `nth` of its gateways, and knows all of them. */
  function connect(regions: readonly Region[], nth = 0): LiveClient {
    const endpoints = regions.flatMap((region) => [
      ...region.endpoints.slice(nth % 2),
      ...region.endpoints.slice(0, nth % 2),
    ]);
    const client = new LiveClient({ endpoints, random: asListed, backoff: { baseMs: 50, maxMs: 500 } });
    clients.push(client);
    return client;
  }

  /** Viewers at every gateway of both regions, who know all of them; resolves when they are live. */
  async function viewersEverywhere(): Promise<RoomRecording[]> {
    const recordings = [0, 1].flatMap((nth) => [
      recorder.follow(connect([hub, eu], nth), ROOM),
      recorder.follow(connect([eu, hub], nth), ROOM),
    ]);
    await allAreAt(hub, eu);
    return recordings;
  }

  async function allAreAt(...regions: Region[]): Promise<void> {
    const endpoints = regions.flatMap((region) => region.endpoints);
    const names = regions.map(({ domain }) => domain).join(' or ');
    const noViewer = ['idle', 'closed'];
    await until(`all viewers are in ${names}`, () =>
      clients.every(
        ({ state }) =>
          noViewer.includes(state.kind) || (state.kind === 'live' && endpoints.includes(state.endpoint)),
      ),
    );
  }

  async function flow(loads: readonly Load[]): Promise<void> {
    const enough = loads.map(({ stored }) => stored + 50);
    await until('messages flow', () => loads.every(({ stored }, n) => stored >= (enough[n] ?? 0)));
  }

  const send = async (region: Region, payload: string): Promise<void> => {
    const publisher = connect([region]);
    await recorder.publish(publisher, ROOM, { type: 'gift', payload });
    await publisher.close();
  };

  it('viewers of both get everything once and in order, and go on in the other one when theirs is lost, there and back', async () => {
    await viewersEverywhere();
    const routes = [
      [hub, eu],
      [eu, hub],
    ];
    const loads = routes.map(
      (regions, n) => new Load(recorder, { client: connect(regions), room: ROOM, sender: `${n}` }),
    );
    await flow(loads);

    await eu.kill();
    await allAreAt(hub);
    await flow(loads);

    await eu.restart();
    await hub.killGateways();
    await allAreAt(eu);
    await flow(loads);

    await Promise.all(loads.map((load) => load.stop()));
    assert.equal(recorder.counts.unknown, 0);
    // The head of the origin: the mirror's may not be the same yet.
    await hub.restartGateways();
    assertGuarantees(await recorder.finish(connect([hub])), ['Resumable']);
  });

  it('the one with the origin is lost: viewers go on with what the mirror has, who is ahead of it waits, publishers are refused, and nothing is lost when it is back', async () => {
    const recordings = await viewersEverywhere();
    await send(hub, 'in both');
    await until('all have it', () => recordings.every(({ messages }) => messages.length === 1));
    hub.part();
    await send(hub, 'not in the mirror');
    const ahead = recordings.filter((_, n) => n % 2 === 0);
    await until('who is where it was stored has it', () =>
      ahead.every(({ messages }) => messages.length === 2),
    );

    await hub.kill();
    await allAreAt(eu);
    const newcomer = recorder.follow(connect([eu]), ROOM, { join: { from: 'earliest' } });
    await until('the mirror is served', () => newcomer.messages.length === 1);
    await assert.rejects(
      connect([eu]).publish(ROOM, { type: 'gift', payload: 'refused' }, { timeoutMs: 1_000 }),
      (error: LiveError) => error.reason === 'STREAM_UNAVAILABLE',
    );
    const more = ['--nats', eu.urls[0]!, '--listen', '127.0.0.1:0', '--stream', MIRROR, '--replicas', '3'];
    await using another = new ServerProcess(more);
    await until('another gateway says what it waits for', () => {
      return another.log.some(({ reason }) =>
        String(reason).includes('LIVE is, the origin of the mirror LIVE_EU'),
      );
    });
    await using backend = await StockProducer.connect(eu.urls[0]!);
    await assert.rejects(backend.publish(ROOM, 'refused'), /503/);

    hub.join();
    await hub.restart();
    await send(eu, 'after all');
    // The head of the origin: the mirror's may not be the same yet.
    assertGuarantees(await recorder.finish(connect([hub])));
    for (const { messages } of recordings) assert.equal(messages.length, 3);
    assert.ok(
      recordings.every(({ events }) => events.every(({ kind }) => kind !== 'gap' && kind !== 'reset')),
    );
  });

  it('the one with the origin is lost for good: the mirror takes its place, and who was ahead of it is told', async function () {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    // Mirrors can be made streams of their own from 2.12 on.
    if (major === 2 && minor < 12) this.skip();
    await send(hub, 'in both');
    const ahead = new Witness(connect([hub, eu]), ROOM, { from: 'earliest' });
    const other = new Witness(connect([eu]), ROOM, { from: 'earliest' });
    await Promise.all([ahead.has(1), other.has(1)]);
    hub.part();
    await send(hub, 'lost');
    await ahead.has(2);
    await hub.kill();
    await allAreAt(eu);

    await using operator = await StockProducer.connect(eu.urls[0]!, MIRROR);
    const { epoch } = await connect([eu]).room(ROOM);
    const { subjects, republish } = streamConfig({ settings: defaultConfig(), subjects: new Subjects() });
    const promoted = { mirror: undefined, subjects, republish, metadata: { [SUCCEEDS]: epoch } };
    await operator.jsm.streams.update(MIRROR, promoted as Partial<StreamUpdateConfig>);
    await until('gateways say what to do', () =>
      eu.gateways.every(({ stdout }) => stdout.includes('restart this gateway')),
    );
    await eu.restartGateways();
    await Promise.all([ahead.hears('reset REWOUND to 1'), other.hears('joined RESUMED at 1')]);
    await send(eu, 'from now on');
    await Promise.all([ahead.has(3), other.has(2)]);
    assert.deepEqual(other.told, [
      'joined STARTED at 0',
      'message 1 after 0',
      'caught up at 1',
      'joined RESUMED at 1',
      'caught up at 1',
      'message 2 after 1',
    ]);
    assert.deepEqual(ahead.told.slice(-5), [
      'message 2 after 1',
      'joined RESET at 2',
      'reset REWOUND to 1',
      'caught up at 1',
      'message 2 after 1',
    ]);
    assert.deepEqual(ahead.payloads, ['in both', 'lost', 'from now on']);
  });
});

/** Endpoints are tried in the order in which they are given. */
const asListed = (): number => 0.999;
