import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { between, chance } from '../../chaos/run/chance.ts';
import { DeadEndpoint } from '../../chaos/links/dead-endpoint.ts';
import type { Random } from '../../common/random.ts';
import type { Address } from '../../common/units.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { FlappingLink } from '../helpers/flapping-link.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { StockViewer } from '../helpers/stock-viewer.ts';
import { targetAt, webSocket } from '../helpers/transports.ts';

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);
const VIEWERS = 20;
const ROOM = 'demo';
/** Streams that nothing breaks end often, too. */
const LIFETIME_MS = 1_000;

interface Stored {
  readonly seq: number;
  readonly payload: string;
}

interface Watching {
  readonly viewer: StockViewer;
  readonly link: FlappingLink;
  /** Where the next connection leads. */
  target: () => Address;
}

/** Publishes without end until it is stopped, and knows what it has stored, in order. */
class Publishing {
  readonly stored: Stored[] = [];
  ephemeral = 0;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(producer: StockProducer, random: Random) {
    this.#running = this.#run(producer, random);
    this.#running.catch(() => undefined);
  }

  /** @throws what a publish has failed with */
  async stop(): Promise<readonly Stored[]> {
    this.#stopping.abort();
    await this.#running;
    return this.stored;
  }

  async #run(producer: StockProducer, random: Random): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Characters of several bytes: a stream that is cut may be cut within one.
      const payloads = Array.from(
        { length: between(random, 1, 12) },
        (_, index) => `${this.stored.length + index} ${'€𝄞é'.repeat(between(random, 0, 40))}`,
      );
      const seqs = await producer.burst(ROOM, payloads);
      const burst = seqs.map((seq, index) => ({ seq, payload: payloads[index] as string }));
      this.stored.push(...burst.sort((a, b) => a.seq - b.seq));
      producer.nc.publish(new Subjects().ephemeral(ROOM), `like ${this.ephemeral++}`);
      await sleep(between(random, 1, 60));
    }
  }
}

describe(`Resumable, Unique, Ordered: EventSources of others on links that flap (LIVE_TEST_SEED=${SEED})`, () => {
  let nats: TestNats;
  let producer: StockProducer;
  let gateways: AsyncDisposable[];
  let watchings: Watching[];
  /** Where nobody is. */
  let dead: DeadEndpoint;
  /** Where a balancer sends connections. */
  let targets: Address[];

  beforeEach(async () => {
    gateways = [];
    watchings = [];
    dead = await DeadEndpoint.open();
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
  });

  afterEach(async () => {
    for (const { viewer } of watchings) viewer[Symbol.dispose]();
    await Promise.all(watchings.map(({ link }) => link[Symbol.asyncDispose]()));
    await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    dead.close();
    await producer.close();
    await nats.stop();
  });

  /** One in this process. Of the times in which viewers are to come again it chooses short ones. */
  async function start(): Promise<TestGateway> {
    const random = chance(SEED, `gateway ${gateways.length}`);
    const gateway = await startTestGateway(
      nats.url,
      { eventsLifetimeMs: LIFETIME_MS },
      { random: () => random() / 4 },
      webSocket,
    );
    gateways.push(gateway);
    return gateway;
  }

  /** One to be killed. */
  async function startProcess(): Promise<ServerProcess> {
    const lifetime = ['--events-lifetime', `${LIFETIME_MS}ms`];
    const gateway = await ServerProcess.start(nats.url, ...webSocket.flags, ...lifetime);
    gateways.push(gateway);
    return gateway;
  }

  async function watch(name: string): Promise<Watching> {
    const random = chance(SEED, name);
    const pick = (): Address => targets[between(random, 0, targets.length - 1)] as Address;
    const watching = { target: pick };
    const link = await FlappingLink.open({ random, target: () => watching.target() });
    const viewer = new StockViewer(`http://${link.address}/v1/rooms/${ROOM}/events?from=earliest`);
    const made = Object.assign(watching, { link, viewer });
    watchings.push(made);
    return made;
  }

  const watchMany = (group: string, count: number): Promise<Watching[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => watch(`${group} ${index}`)));

  const cuts = (): number => watchings.reduce((sum, { link }) => sum + link.cuts, 0);

  /** Links flap on. */
  async function moreCuts(count: number): Promise<void> {
    const before = cuts();
    await until(`links are cut ${count} times more`, () => cuts() >= before + count);
  }

  const allHave = (those: readonly Watching[], last: Stored | undefined): Promise<boolean> =>
    until('all have the last message', () =>
      those.every(({ viewer }) => viewer.all('message').at(-1)?.data['seq'] === last?.seq),
    );

  it('have every message once and in order, whatever breaks and whoever goes', async () => {
    const [killed, drained] = [await startProcess(), await start()];
    const ofKilled = targetAt((await killed.endpoint(webSocket)).replace('ws://', ''));
    targets = [ofKilled, drained.target];
    const publishing = new Publishing(producer, chance(SEED, 'publishing'));
    const all = await watchMany('viewer', VIEWERS);
    for (const { link } of all) link.flap();
    await moreCuts(VIEWERS);

    killed.signal('SIGKILL');
    await killed.exit();
    await moreCuts(VIEWERS / 2);
    targets = [(await start()).target, drained.target];
    await moreCuts(VIEWERS / 2);
    await drained.drain(300);
    targets = targets.slice(0, 1);
    await moreCuts(VIEWERS / 2);
    await until('each was cut', () => all.every(({ link }) => link.cuts > 0));

    const stored = await publishing.stop();
    for (const { link } of all) link.hold();
    await allHave(all, stored.at(-1));
    for (const { viewer } of all) assertWhole(viewer, stored);
  });

  it('are told by a gap of what was removed while they were away, and go on exactly', async () => {
    targets = [(await start()).target, (await start()).target];
    const publishing = new Publishing(producer, chance(SEED, 'publishing'));
    const [staying, going] = [await watchMany('staying', 2), await watchMany('going', VIEWERS / 2)];
    for (const { link } of going) link.flap();
    await until('all have something', () =>
      watchings.every(({ viewer }) => viewer.all('message').length > 0),
    );
    await moreCuts(VIEWERS / 2);
    const nowhere = targetAt(dead.address);
    for (const away of going) {
      away.target = () => nowhere;
      away.link.cut();
    }
    const missed = publishing.stored.length + 100;
    await until('more is stored', () => publishing.stored.length >= missed);
    const kept = publishing.stored.at(-1)?.seq as number;
    await producer.jsm.streams.purge(producer.stream, { seq: kept });

    // One that has held nothing of the room so far.
    const fresh = (await start()).target;
    for (const back of going) back.target = () => fresh;
    await moreCuts(VIEWERS / 2);
    const stored = await publishing.stop();
    for (const { link } of going) link.hold();
    await allHave(watchings, stored.at(-1));

    for (const { viewer } of staying) assertWhole(viewer, stored);
    for (const { viewer } of going) {
      const [gap, ...others] = viewer.all('gap').map(({ data }) => data);
      assert.deepEqual([gap?.['next'], gap?.['cause'], others], [kept, 'RETENTION', []]);
      const place = gap?.['after'] as number;
      assert.ok(place > 0 && place < kept - 50);
      assert.deepEqual(
        storedOf(viewer),
        stored.filter(({ seq }) => seq <= place || seq >= kept),
      );
      assertHonest(viewer);
    }
  });
});

function storedOf(viewer: StockViewer): Stored[] {
  return viewer
    .all('message')
    .map(({ data: { seq, payload } }) => ({ seq: seq as number, payload: payload as string }));
}

/** It has everything, and was told of nothing that is gone. */
function assertWhole(viewer: StockViewer, stored: readonly Stored[]): void {
  assert.deepEqual(storedOf(viewer), stored);
  assert.deepEqual([...viewer.all('gap'), ...viewer.all('reset')], []);
  assertHonest(viewer);
}

/**
 * Nothing was final; each reliable message is a place to go on from and no ephemeral one is; whoever has a place goes on from it; and each message follows the one before, or what was
 * told to be missing.
 */
function assertHonest({ events, errors, state }: StockViewer): void {
  assert.deepEqual([errors.filter(({ final }) => final), state === 'closed'], [[], false]);
  let [place, last, next] = ['', 0, 0];
  for (const { event, id, data } of events) {
    if (event === 'joined') assert.equal(data['outcome'] === 'STARTED', place === '');
    if (event === 'message') {
      assert.notEqual(id, '');
      if (next > 0) assert.equal(data['seq'], next);
      else assert.equal(data['prevSeq'], last);
      [last, next] = [Number(data['seq']), 0];
    }
    if (event === 'gap') {
      assert.equal(data['after'], last);
      next = Number(data['next']);
    }
    if (event === 'ephemeral') assert.equal(id, '');
    if (id !== '') place = id;
  }
}
