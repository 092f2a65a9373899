import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { HandEventSource } from '../helpers/event-source.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const LIFETIME_MS = 300_000;
const SETTINGS = {
  http: { host: '127.0.0.1', port: 0 },
  heartbeatMs: 100,
  eventsLifetimeMs: LIFETIME_MS,
};

describe('Resumable, Isolated: viewers by server-sent events, whose streams have a longest life', () => {
  let nats: TestNats;
  let producer: StockProducer;
  let clock: SkippingClock;
  let gateway: TestGateway;
  let viewers: HandEventSource[];

  beforeEach(async () => {
    nats = await startNats();
    producer = await StockProducer.connect(nats.url);
    clock = new SkippingClock();
    gateway = await startTestGateway(nats.url, SETTINGS, { clock });
    viewers = [];
  });

  afterEach(async () => {
    for (const viewer of viewers) viewer.close();
    await gateway.close();
    await producer.close();
    await nats.stop();
  });

  function watch(query = ''): HandEventSource {
    const viewer = new HandEventSource(`http://${gateway.http}/v1/rooms/demo/events${query}`);
    viewers.push(viewer);
    return viewer;
  }

  it('go on at once behind the last event, and get everything once', async () => {
    const viewer = watch('?from=earliest');
    await viewer.next('caught-up');
    const payloads = Array.from({ length: 90 }, (_, index) => String(index));
    for (let at = 0, lives = 1; at < payloads.length; at += 30) {
      const publishing = producer.burst('demo', payloads.slice(at, at + 30));
      clock.skip(LIFETIME_MS);
      await viewer.next('joined', ++lives);
      await publishing;
    }
    await viewer.next('message', payloads.length);
    assert.deepEqual([...viewer.payloads].sort(), [...payloads].sort());
    assert.deepEqual(
      viewer
        .all('joined')
        .map(({ data }) => data['outcome'])
        .slice(1),
      ['RESUMED', 'RESUMED', 'RESUMED'],
    );
    const retries = [viewer.responses.length, viewer.all('gap').length, viewer.all('refused').length];
    assert.deepEqual(retries, [4, 0, 0]);
    assert.deepEqual(viewer.endedWithRetryMs, [100, 100, 100]);
  });

  it('stay for half of it at least', async () => {
    const viewer = watch();
    await viewer.next('caught-up');
    clock.skip(LIFETIME_MS / 2 - 60_000);
    const { length } = viewer.comments;
    await until('heartbeats have come since', () => viewer.comments.length > length + 3);
    assert.equal(viewer.responses.length, 1);
  });

  it('are let go of by then if they have vanished without a word, with their connections', async () => {
    // It takes nothing and says nothing, and the system takes what it is sent: so is one whose network is gone.
    const vanished = connect(Number(gateway.http?.split(':')[1]), '127.0.0.1');
    vanished.pause();
    vanished.write(
      'GET /v1/rooms/demo/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n',
    );
    await until('it is there', () => gateway.stats.sessions === 1);
    clock.skip(LIFETIME_MS);
    await until('it is let go of', () => gateway.stats.sessions === 0);
    await until('so is its connection', () => gateway.stats.connections === 0);
    vanished.destroy();
  });
});
