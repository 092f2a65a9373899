import assert from 'node:assert/strict';
import type { Cursor } from '../../client/index.ts';
import { StreamMismatchError } from '../../server/nats/stream/stream.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { RunningCli } from '../helpers/cli.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { HubAndLeaf } from '../helpers/leaf-node.ts';
import { startHubAndLeaf } from '../helpers/leaf-node.ts';
import { MIRROR, mirrorConfig } from '../helpers/mirror.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { quickClock } from '../helpers/quick-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { Witness } from '../helpers/witness.ts';

describe('Reliable: a mirror', () => {
  let version: string;

  before(async () => {
    await using nats = await startNats();
    await using operator = await StockProducer.connect(nats.url);
    version = operator.nc.info!.version;
  });

  it('cannot be served from before NATS 2.10, which is said', async function () {
    if (!version.startsWith('2.9.')) return this.skip();
    await using nats = await startNats();
    await using operator = await StockProducer.connect(nats.url);
    await using _origin = await startTestGateway(nats.url);
    const { republish: _none, ...config } = mirrorConfig();
    await operator.jsm.streams.add(config);
    await assert.rejects(startTestGateway(nats.url, { stream: MIRROR }), (error: Error) => {
      assert.ok(error instanceof StreamMismatchError);
      assert.match(error.message, /mirror, and NATS 2\.9\.\d+ cannot republish .* takes NATS 2\.10/);
      return true;
    });
  });

  describe('of a stream in another JetStream domain', () => {
    let servers: HubAndLeaf;
    let origin: TestGateway;
    let region: TestGateway;
    let operator: StockProducer;

    before(function () {
      if (version.startsWith('2.9.')) this.skip();
    });

    beforeEach(async () => {
      servers = await startHubAndLeaf();
      origin = await startTestGateway(servers.hub.url, {}, { clock: quickClock });
      operator = await StockProducer.connect(servers.leaf.url);
      await operator.jsm.streams.add(mirrorConfig('$JS.hub.API'));
      region = await startTestGateway(servers.leaf.url, { stream: MIRROR }, { clock: quickClock });
    });

    afterEach(async () => {
      await region.close();
      await origin.close();
      await operator.close();
      await servers[Symbol.asyncDispose]();
    });

    const send = async (gateway: TestGateway, payload: string): Promise<bigint> =>
      (await gateway.client().publish('demo', { type: 'gift', payload })).seq;

    /** What a viewer is told from a cursor on, up to the head. */
    async function resume(gateway: TestGateway, cursor: Cursor, messages: number): Promise<Witness> {
      const viewer = new Witness(gateway.client(), 'demo', { from: { cursor } });
      await viewer.has(messages);
      await viewer.caughtUp();
      return viewer;
    }

    it('serves its viewers, and publishes go to the origin', async () => {
      const there = new Witness(origin.client(), 'demo');
      const here = new Witness(region.client(), 'demo');
      await Promise.all([there.caughtUp(), here.caughtUp()]);
      assert.equal(await send(region, 'from here'), 1n);
      assert.equal(await send(origin, 'from there'), 2n);
      await Promise.all([there.has(2), here.has(2)]);
      assert.deepEqual(here.payloads, ['from here', 'from there']);
      assert.deepEqual(here.seqs, [1, 2]);
      assert.deepEqual([region.stats.gaps, region.stats.resets], [0, 0]);
      assert.equal((await region.client().room('demo')).epoch, (await origin.client().room('demo')).epoch);
    });

    it('live-cli watches through it', async () => {
      await send(origin, '1');
      await using state = await tempDir();
      const args = ['watch', 'demo', '--from', 'earliest', '--json', '--server', region.address];
      const cli = new RunningCli(args, state.path);
      await cli.object('message');
      assert.deepEqual(cli.payloads, ['1']);
      cli.signal('SIGINT');
      await cli.exit();
    });

    it('a cursor moves between both', async () => {
      for (const n of [1, 2, 3]) await send(origin, String(n));
      const first = new Witness(origin.client(), 'demo', { from: 'earliest' });
      await first.has(3);
      const { cursor } = first.subscription;
      await send(region, '4');
      const second = await resume(region, cursor!, 1);
      assert.equal(second.told[0], 'joined RESUMED at 3');
      assert.deepEqual(second.payloads, ['4']);
      await send(origin, '5');
      await second.has(2);
      const third = await resume(origin, second.subscription.cursor!, 0);
      assert.deepEqual(third.told, ['joined RESUMED at 5', 'caught up at 5']);
    });

    it('a cursor that it has not come to is waited for, not taken for a rewind', async () => {
      await send(origin, '1');
      const seen = new Witness(region.client(), 'demo', { from: 'earliest' });
      await seen.has(1);
      servers.cut();
      await send(origin, '2');
      const first = new Witness(origin.client(), 'demo', { from: 'earliest' });
      await first.has(2);
      const moved = new Witness(region.client(), 'demo', { from: { cursor: first.subscription.cursor! } });
      await until('it has been looked for', () => region.stats.rooms === 1 && region.stats.sessions === 2);
      await servers.heal();
      await moved.caughtUp();
      assert.equal(moved.told[0], 'joined RESUMED at 2');
      assert.deepEqual([region.stats.gaps, region.stats.resets], [0, 0]);
    });

    it('serves on while the origin cannot be reached, and catches up afterwards', async () => {
      await send(origin, '1');
      const here = new Witness(region.client(), 'demo', { from: 'earliest' });
      await here.has(1);
      servers.cut();
      await send(origin, '2');
      const again = new Witness(region.client(), 'demo', { from: 'earliest' });
      await again.has(1);
      await servers.heal();
      await here.has(2);
      assert.deepEqual(here.payloads, ['1', '2']);
    });

    it('that republishes into the feed of its origin is refused, with what fixes it', async () => {
      await operator.jsm.streams.update(MIRROR, { republish: new Subjects().republish });
      await assert.rejects(
        startTestGateway(servers.leaf.url, { stream: MIRROR }),
        /republish\.dest: .*nats stream edit LIVE_EU .*--republish-destination='live\.feed\.LIVE_EU\.\{\{wildcard\(1\)\}\}'/s,
      );
    });
  });

  it('of a stream in the same JetStream is served, too', async function () {
    if (version.startsWith('2.9.')) return this.skip();
    await using nats = await startNats();
    await using operator = await StockProducer.connect(nats.url);
    await using origin = await startTestGateway(nats.url);
    await operator.jsm.streams.add(mirrorConfig());
    await using region = await startTestGateway(nats.url, { stream: MIRROR });
    const viewer = new Witness(region.client(), 'demo');
    await viewer.caughtUp();
    await origin.client().publish('demo', { type: 'gift', payload: '1' });
    await region.client().publish('demo', { type: 'gift', payload: '2' });
    await viewer.has(2);
    assert.deepEqual(viewer.payloads, ['1', '2']);
  });

  it('whose origin was created again is refused', async function () {
    if (version.startsWith('2.9.')) return this.skip();
    await using nats = await startNats();
    await using operator = await StockProducer.connect(nats.url);
    await using origin = await startTestGateway(nats.url);
    for (const payload of ['1', '2']) await origin.client().publish('demo', { type: 'gift', payload });
    await operator.jsm.streams.add(mirrorConfig());
    await until(
      'the mirror has both',
      async () => (await operator.jsm.streams.info(MIRROR)).state.messages === 2,
    );
    const { config } = await operator.jsm.streams.info('LIVE');
    await operator.deleteStream();
    await operator.jsm.streams.add(config);
    await operator.publish('demo', 'other');
    await assert.rejects(startTestGateway(nats.url, { stream: MIRROR }), /no longer a mirror of LIVE/);
  });
});
