import assert from 'node:assert/strict';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { RunningCli } from '../helpers/cli.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { health } from '../helpers/health.ts';
import { NatsFilter } from '../helpers/nats-filter.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { Witness } from '../helpers/witness.ts';
import { textOf } from '../helpers/text.ts';

const MIB = 1024 * 1024;

describe('Bookmarked: what is wrong with NATS', () => {
  it('is told to viewers, to load balancers and to Prometheus, with its cause and until it is over', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { metrics: { host: '127.0.0.1', port: 0 } });
    await using state = await tempDir();
    const watch = new RunningCli(
      ['watch', 'tea', '--json', '--no-cursor', '--server', gateway.address],
      state.path,
    );
    const told = (): unknown[] =>
      watch.objects
        .filter(({ kind }) => kind === 'upstream')
        .map(({ upstream, causes }) => [upstream, causes]);
    const metric = async (name: string): Promise<string | undefined> => {
      const text = await (await fetch(`http://${gateway.metrics}/metrics`)).text();
      return new RegExp(`^live_gateway_${name}\\{cause="NATS_UNREACHABLE"\\} (\\d+)$`, 'm').exec(text)?.[1];
    };
    try {
      await watch.object('caught-up');
      assert.equal(await health(gateway.address, 'live.v1.Live'), 'SERVING');
      assert.equal(await metric('upstream_degraded'), '0');
      await nats.kill();
      await until('the viewer is told', () => told().length === 1);
      assert.deepEqual(told(), [['DEGRADED', ['NATS_UNREACHABLE']]]);
      assert.equal(await health(gateway.address, 'live.v1.Live'), 'NOT_SERVING');
      assert.equal(await health(gateway.address, ''), 'SERVING');
      assert.equal(await metric('upstream_degraded'), '1');
      await nats.restart();
      await until('the viewer is told that it is over', () => told().length === 2);
      assert.deepEqual(told()[1], ['OK', []]);
      assert.equal(await health(gateway.address, 'live.v1.Live'), 'SERVING');
      assert.equal(await metric('upstream_degraded'), '0');
      assert.equal(await metric('upstream_degraded_total'), '1');
    } finally {
      watch.signal('SIGKILL');
      await watch.exit();
    }
  });

  it('and when nothing is: a viewer may remember what another gateway told', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { heartbeatMs: 3_600_000 });
    using viewer = RawStream.hello(gateway.address);
    assert.equal((await viewer.next('heartbeat')).upstream, 'UPSTREAM_OK');
  });

  it('is told to a viewer that is far behind ahead of what it has yet to get', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { roomLogBytes: 16 * MIB, logBytes: 32 * MIB });
    await using producer = await StockProducer.connect(nats.url);
    const witness = new Witness(gateway.client(), 'tea');
    await witness.caughtUp();
    // Far more than a call that is paused still takes: its stream keeps 16 messages.
    const messages = 48;
    for (let number = 0; number < messages; number++) await producer.publish('tea', 'x'.repeat(MIB / 4));
    await witness.has(messages);
    using viewer = RawStream.hello(gateway.address);
    await viewer.next('heartbeat');
    viewer.send({ join: { room: 'tea', start: { earliest: {} } } });
    await viewer.next('batch');
    viewer.call.pause();
    // Who comes later is told at once, and nothing is known of those that are there.
    const others = RawStream.hello(gateway.address);
    await others.next('heartbeat');
    await nats.kill();
    await until('the gateway knows', () => gateway.stats.upstreamCauses.length > 0);
    await until('others are told', () =>
      others.all('heartbeat').some(({ upstream }) => upstream === 'UPSTREAM_DEGRADED'),
    );
    others.close();
    viewer.call.resume();
    await until('it has everything', () => viewer.reliable.length === messages);
    const told = viewer.frames.findIndex(({ heartbeat }) => heartbeat?.upstream === 'UPSTREAM_DEGRADED');
    const last = viewer.frames.findLastIndex(({ batch }) => Boolean(batch));
    assert.ok(told > 0 && told < last, `told in frame ${told}, the last message came in ${last}`);
  });

  it('a pull ends only where the leader has said that the room ends, though the feed lost the news', async () => {
    await using nats = await startNats();
    const proxy = await FaultProxy.listen({ host: '127.0.0.1', port: nats.port });
    const filter = new NatsFilter();
    proxy.applyAll(filter);
    try {
      await using gateway = await startTestGateway(proxy.address);
      await using producer = await StockProducer.connect(nats.url);
      await producer.publish('tea', 'one');
      const witness = new Witness(gateway.client(), 'tea');
      await witness.caughtUp();
      filter.add({ matches: (subject) => subject === 'live.feed.tea', action: { kind: 'drop' } });
      for (const text of ['two', 'three']) await producer.publish('tea', text);
      const told: string[] = [];
      for await (const event of gateway.client().pull('tea', { from: { afterSeq: 1n } })) {
        told.push(event.kind === 'message' ? textOf(event.message.payload) : event.kind);
      }
      assert.deepEqual(told, ['two', 'three', 'end']);
    } finally {
      await proxy.close();
    }
  });
});
